#!/bin/sh
# Installs osm @RELEASE@ for this user: downloads the archive for this machine, and checks it against the checksum below.
#
#   OSM_INSTALL_DIR   folder to install to (default: ~/.local/bin)
#   OSM_INSTALL_URL   address of the folder with the archives, such as a mirror
#
# It needs curl or wget, tar, and one of sha256sum, shasum and openssl. It changes nothing else, and no startup file of a shell.

set -eu

release='@RELEASE@'
default_url='@REPOSITORY@/releases/download/@RELEASE@'

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# Prints the name of this machine, as archives have it.
platform() {
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "there is no archive for $(uname -s): build osm from source" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no archive for the processor $(uname -m): build osm from source" ;;
  esac
  printf '%s-%s\n' "$os" "$arch"
}

# Prints the SHA-256 of the archive for a machine.
wanted_checksum() {
  case $1 in
    darwin-amd64) echo '@SHA256:darwin-amd64.tar.gz@' ;;
    darwin-arm64) echo '@SHA256:darwin-arm64.tar.gz@' ;;
    linux-amd64) echo '@SHA256:linux-amd64.tar.gz@' ;;
    linux-arm64) echo '@SHA256:linux-arm64.tar.gz@' ;;
    *) fail "$release has no archive for $1: build osm from source" ;;
  esac
}

# Prints the program that computes checksums.
checksum_program() {
  for program in sha256sum shasum openssl; do
    if has "$program"; then
      echo "$program"
      return
    fi
  done
  fail 'the archive cannot be checked: install one of sha256sum, shasum and openssl'
}

# Prints the SHA-256 of a file, computed by a program.
checksum_by() {
  case $1 in
    sha256sum) sha256sum <"$2" ;;
    shasum) shasum -a 256 <"$2" ;;
    openssl) openssl dgst -sha256 -r <"$2" ;;
  esac | cut -d ' ' -f 1
}

download() {
  if has curl; then
    curl --fail --silent --show-error --location --output "$2" "$1"
  elif has wget; then
    wget --quiet --output-document "$2" "$1"
  else
    fail 'install curl or wget'
  fi
}

main() {
  url=${OSM_INSTALL_URL:-$default_url}
  folder=${OSM_INSTALL_DIR:-${HOME:?set HOME, or OSM_INSTALL_DIR}/.local/bin}
  platform=$(platform)
  wanted=$(wanted_checksum "$platform")
  # Before anything is downloaded.
  program=$(checksum_program)
  archive="osm-$release-$platform.tar.gz"

  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 1' HUP INT TERM
  download "$url/$archive" "$scratch/$archive" || fail "cannot download $url/$archive"
  found=$(checksum_by "$program" "$scratch/$archive")
  if [ "$found" != "$wanted" ]; then
    fail "$url/$archive is not the archive of $release: its SHA-256 is $found, not $wanted. Nothing was installed."
  fi
  tar -xzf "$scratch/$archive" -C "$scratch" "$platform/osm"

  mkdir -p "$folder" || fail "cannot create $folder: set OSM_INSTALL_DIR to a folder of yours"
  # Renamed, so that a program that runs is not overwritten.
  unfinished="$folder/.osm.$$"
  cp "$scratch/$platform/osm" "$unfinished" || fail "cannot write to $folder: set OSM_INSTALL_DIR to a folder of yours"
  chmod 755 "$unfinished"
  mv -f "$unfinished" "$folder/osm"
  printf 'osm %s is installed: %s\n' "$release" "$folder/osm"
  case :${PATH:-}: in
    *:"$folder":*) ;;
    *) printf 'note: %s is not in PATH\n' "$folder" >&2 ;;
  esac
}

# The last line, so that a part of this script does nothing.
main
