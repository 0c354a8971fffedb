#!/bin/sh
# Puts mermaid, which draws the diagrams of the docs, into .cache/mermaid for the site.
set -eu
here=$(dirname "$0")
exec "$here/npm_file.sh" mermaid 11.17.2 \
    sha512-V6K3C8EBdEsPFZXSKMJe6ppQOENxuHARr9GvHX4hh47lAbhMRD9qf4oEK7LoaRQxULMa80/qt5gHO73aCleBBg== \
    dist/mermaid.min.js "$here/../.cache/mermaid" "the site shows diagrams as text"
