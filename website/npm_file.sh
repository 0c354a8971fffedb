#!/bin/sh
# Puts one file of one release of an npm package into a folder, once. npm checks the release's digest against the
# registry's and this script against the one that is given.
#   npm_file.sh PACKAGE VERSION INTEGRITY FILE FOLDER WITHOUT     FILE: in the release; WITHOUT: said where no npm is
set -eu
package=$1 version=$2 integrity=$3 file=$4 folder=$5 without=$6
if [ -f "$folder/$version" ] && [ -f "$folder/${file##*/}" ]; then exit 0; fi
if ! command -v npm >/dev/null 2>&1; then
    echo "no npm here: $without" >&2
    exit 0
fi
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
npm pack --silent "$package@$version" >/dev/null
found=sha512-$(openssl dgst -sha512 -binary "$package-$version.tgz" | base64 | tr -d '\n')
if [ "$found" != "$integrity" ]; then
    echo "$package $version is another file than it was: $found" >&2
    exit 1
fi
tar -xzf "$package-$version.tgz" "package/$file"
mv "package/$file" .
rm -r package "$package-$version.tgz"
touch "$version"
