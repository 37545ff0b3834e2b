#!/usr/bin/env bash
# What a package holds beside the binary: stage.sh BINARY FOLDER. Completions and man pages are printed by the binary.
set -euo pipefail
binary=$(realpath "$1")
mkdir -p "$2"
folder=$(realpath "$2")
cd "$(dirname "$0")/../.."
rm -rf "${folder:?}"/*
mkdir -p "$folder"/{completions,man,systemd}

"$binary" completions bash >"$folder/completions/pia-halo"
"$binary" completions zsh >"$folder/completions/_pia-halo"
"$binary" completions fish >"$folder/completions/pia-halo.fish"

# Every page in a folder, where the program can write them all; else the one page.
"$binary" man --output "$folder/man" >/dev/null 2>&1 || "$binary" man >"$folder/man/pia-halo.1"
gzip -9n "$folder"/man/*.1

# The packages put the binary into /usr/bin.
for unit in assets/systemd/*.service assets/systemd/*.socket assets/systemd/*.timer; do
    sed 's|/usr/local/bin/pia-halo|/usr/bin/pia-halo|' "$unit" >"$folder/systemd/$(basename "$unit")"
done

gzip -9nc assets/CHANGELOG.md >"$folder/changelog.gz"

# The pages, as they lie in /usr/share/doc/pia-halo: what links there leads to what is installed there.
doc=$folder/doc
mkdir -p "$doc"/{docs,pictures,examples}
cp assets/pictures/*.svg "$doc/pictures/"
cp -r assets/reverse-proxy assets/monitoring assets/answers.toml assets/keys.toml "$doc/examples/"
cp assets/packaging/copyright "$doc/"
# page FOLDER WAY-TO-THE-TOP FILE...
page() {
    local to=$1 top=$2
    shift 2
    for file in "$@"; do
        sed -E \
            -e 's#\]\((\.\./)*assets/(docs|pictures)/#](@/\2/#g' \
            -e 's#\]\(\.\./pictures/#](@/pictures/#g' \
            -e 's#\]\(([a-z]+\.md)#](@/docs/\1#g' \
            -e 's#\]\((\.\./)*(assets/)?(reverse-proxy|monitoring|keys\.toml)#](@/examples/\3#g' \
            -e 's#\]\((\.\./)*((assets|assets/licenses|\.github)/)?([A-Z-]+\.md)#](@/\4#g' \
            -e 's#\]\(assets/licenses/LICENSE-[A-Z]+\)#](@/copyright)#g' \
            -e 's#\]\(\.\./schema\)#](/usr/share/pia-halo/schema)#g' \
            -e 's#\[([^]]*)\]\((\.\./)+(Cargo\.toml|tests/[^)]*)\)#\1#g' \
            -e "s#\\]\\(@/#]($top#g" \
            "$file" >"$to/$(basename "$file")"
    done
}
page "$doc" "" README.md assets/CHANGELOG.md assets/licenses/THIRD-PARTY.md .github/SECURITY.md .github/CONTRIBUTING.md
page "$doc/docs" ../ assets/docs/*.md

# Debian's own form beside it: which version of the package this is.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
maintainer=${PIA_HALO_MAINTAINER:-$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)}
cat >"$folder/changelog.debian" <<CHANGES
pia-halo ($version-1) unstable; urgency=medium

  * What changed is in changelog.gz.

 -- $maintainer  $(LC_ALL=C date -uR -d "@${SOURCE_DATE_EPOCH:-0}")
CHANGES
