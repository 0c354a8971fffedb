#!/bin/sh
# Puts mermaid, which draws the diagrams of the docs, into .cache/mermaid for the site: one file of one release, whose
# digest npm checks against the registry's and this script against its own.
set -eu
version=11.17.2
integrity=sha512-V6K3C8EBdEsPFZXSKMJe6ppQOENxuHARr9GvHX4hh47lAbhMRD9qf4oEK7LoaRQxULMa80/qt5gHO73aCleBBg==
folder=$(dirname "$0")/../.cache/mermaid
if [ -f "$folder/$version" ]; then exit 0; fi
if ! command -v npm >/dev/null 2>&1; then
    echo "no npm here: the site shows diagrams as text" >&2
    exit 0
fi
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
npm pack --silent "mermaid@$version" >/dev/null
found=sha512-$(openssl dgst -sha512 -binary "mermaid-$version.tgz" | base64 | tr -d '\n')
if [ "$found" != "$integrity" ]; then
    echo "mermaid $version is another file than it was: $found" >&2
    exit 1
fi
tar -xzf "mermaid-$version.tgz" --strip-components=2 package/dist/mermaid.min.js
rm "mermaid-$version.tgz"
touch "$version"
