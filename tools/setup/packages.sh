#!/usr/bin/env bash
# Installs the Debian packages that are missing, and nothing else.
#   tools/setup/packages.sh            what building and the quickstart need
#   tools/setup/packages.sh --tests    also what tools/format.sh and tools/setup/clang_tidy.sh need
#   tools/setup/packages.sh --fuzz     also what tools/fuzz.sh needs
# Works as root and, otherwise, through sudo. GPTC_SKIP_PACKAGES=1 trusts what is there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/common.sh"

packages=(
  g++ cmake ninja-build ca-certificates
  libdnnl-dev ocl-icd-opencl-dev  # oneDNN's CMake configuration asks for OpenCL
  libboost-graph-dev libfmt-dev libhwy-dev libcli11-dev nlohmann-json3-dev librandom123-dev
  libgtest-dev libbenchmark-dev
  gnuplot-nox  # draws loss_curve.png
)
case "${1:-}" in
  "") ;;
  --tests) packages+=(git clang-format python3-venv) ;;
  --fuzz) packages+=(clang-14 libclang-rt-14-dev libomp-dev) ;;
  *) die "unknown argument '$1' (use --tests, --fuzz, or nothing)" ;;
esac
if [[ "${GPTC_SKIP_PACKAGES:-0}" == 1 ]]; then exit 0; fi
# npm may have come with another Node.js, which Debian's npm would not fit.
command -v npm >/dev/null || packages+=(npm)

command -v apt-get >/dev/null || die "no apt-get here: install the equivalents of" \
  "${packages[*]} and set GPTC_SKIP_PACKAGES=1"

missing=()
for package in "${packages[@]}"; do
  status="$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)"
  [[ "$status" == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  say "packages: all ${#packages[@]} are installed"
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || die "needs root to install ${missing[*]}: run it as root or with sudo"
  as_root=(sudo)
fi

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
apt() { ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get "$@" >>"$log" 2>&1 </dev/null; }

say "packages: installing ${missing[*]}"
# An index that cannot be refreshed is not fatal: the packages may be in the old one.
apt update || true
if ! apt install -y --no-install-recommends "${missing[@]}"; then
  reason="$(grep -m 1 '^E:' "$log" || tail -n 1 "$log")"
  network="$(grep -m 1 -A 1 '^Err:' "$log" | tr -s ' \n' ' ' || true)"
  die "could not install ${missing[*]}: $reason${network:+ ($network)}; check the network and the package sources, then run it again"
fi
say "packages: done"
