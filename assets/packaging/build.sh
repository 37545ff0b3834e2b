#!/usr/bin/env bash
# The packages, the static archive and their checksums, in target/packages. Needs jq, cargo-deb and cargo-generate-rpm, and for the
# archive the target x86_64-unknown-linux-musl with musl-gcc. PIA_HALO_MAINTAINER, as "Name <address>", is who publishes them.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
out=target/packages
rm -rf "$out"
mkdir -p "$out"

# What --version names; an archive without git has no commit.
if commit=$(git rev-parse --short=12 HEAD 2>/dev/null); then
    PIA_HALO_BUILD_COMMIT=$commit PIA_HALO_BUILD_DATE=$(TZ=UTC git log -1 --format=%cd --date=format-local:%F)
    export PIA_HALO_BUILD_COMMIT PIA_HALO_BUILD_DATE
fi

cargo build --locked --profile dist
assets/packaging/stage.sh target/dist/pia-halo target/dist-assets
assets/packaging/licences.sh target/dist-assets/doc/THIRD-PARTY.txt
cargo deb --locked --no-build --profile dist ${PIA_HALO_MAINTAINER:+--maintainer "$PIA_HALO_MAINTAINER"} --output "$out/"
cargo generate-rpm --profile dist --output "$out/"

target=x86_64-unknown-linux-musl
cargo build --locked --profile dist --target "$target"
name="pia-halo-$version-x86_64-linux-musl"
mkdir -p "$out/$name"
cp "target/$target/dist/pia-halo" "$out/$name/"
cp -r target/dist-assets/doc/. "$out/$name/"
cp -r assets/licenses assets/systemd target/dist-assets/completions target/dist-assets/man "$out/$name/"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" -C "$out" -c "$name" | gzip -9n >"$out/$name.tar.gz"
rm -r "${out:?}/$name"

cd "$out"
sha256sum ./*.deb ./*.rpm ./*.tar.gz | sed 's| \./| |' >SHA256SUMS
cat SHA256SUMS
