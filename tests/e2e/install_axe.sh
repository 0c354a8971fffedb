#!/bin/sh
# Puts axe-core, which finds what keeps people from using a page, into .cache/axe for the browser test: one file of
# one release, whose digest npm checks against the registry's and this script against its own.
set -eu
version=4.14.1
integrity=sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
folder=$(dirname "$0")/../../.cache/axe
if [ -f "$folder/$version" ]; then exit 0; fi
if ! command -v npm >/dev/null 2>&1; then
    echo "no npm here: the browser test leaves out what axe-core finds" >&2
    exit 0
fi
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
npm pack --silent "axe-core@$version" >/dev/null
found=sha512-$(openssl dgst -sha512 -binary "axe-core-$version.tgz" | base64 | tr -d '\n')
if [ "$found" != "$integrity" ]; then
    echo "axe-core $version is another file than it was: $found" >&2
    exit 1
fi
tar -xzf "axe-core-$version.tgz" package/axe.min.js
touch "$version"
