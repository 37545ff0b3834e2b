#!/usr/bin/env bash
# The licence texts of every crate that is linked, out of the crates themselves, each text once: licences.sh FILE. Needs jq.
set -euo pipefail
out=$(realpath -m "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
line() { printf "\n%80s\n\n" "" | tr " " "$1"; }

# What THIRD-PARTY.md lists, and where cargo keeps it.
sed -n 's/^| \([^ |]* v[^ |]*\) |.*/\1/p' assets/licenses/THIRD-PARTY.md | sort >"$work/linked"
cargo metadata --format-version 1 --locked --filter-platform x86_64-unknown-linux-gnu |
    jq -r '.packages[] | "\(.name) v\(.version)\t\(.manifest_path)"' | sort >"$work/known"
join -v 1 -t $'\t' "$work/linked" "$work/known" >"$work/unknown"
[ ! -s "$work/unknown" ] || { cat "$work/unknown" >&2; exit 1; }

join -t $'\t' "$work/linked" "$work/known" | while IFS=$'\t' read -r crate manifest; do
    find "$(dirname "$manifest")" -maxdepth 1 -type f -iregex '.*/\(licen[cs]e\|copying\|unlicense\|notice\|copyright\)[^/]*' |
        LC_ALL=C sort >"$work/texts"
    # Where MIT is one of two that may be chosen, it is.
    if grep -qi -- -mit "$work/texts"; then sed -i '/-apache\|-boost\|-zlib\|unlicense$/Id' "$work/texts"; fi
    if [ ! -s "$work/texts" ]; then
        grep -q "^| $crate |.*MIT" assets/licenses/THIRD-PARTY.md
        echo "$crate" >>"$work/none"
    fi
    while read -r text; do
        sum=$(tr -d '[:space:]' <"$text" | sha256sum | cut -c1-16)
        cp "$text" "$work/$sum.text"
        echo "$crate" >>"$work/$sum.crates"
    done <"$work/texts"
done

(
    echo "The licence texts of the crates in pia-halo, as the crates bring them. THIRD-PARTY.md names the licence of each."
    for crates in "$work"/*.crates; do
        line "="
        sort -u "$crates"
        line "-"
        cat "${crates%.crates}.text"
    done
    [ -e "$work/none" ] || exit 0
    line "="
    echo "These are under the MIT licence, or may be had under it, and bring no text:"
    cat "$work/none"
    line "-"
    sed -n '/^Permission/,$p' assets/licenses/LICENSE-MIT
) >"$out"
