#!/bin/sh
# Puts axe-core, which finds what keeps people from using a page, into .cache/axe for the browser test.
set -eu
root=$(dirname "$0")/../..
exec "$root/website/npm_file.sh" axe-core 4.14.1 \
    sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ== \
    axe.min.js "$root/.cache/axe" "the browser test leaves out what axe-core finds"
