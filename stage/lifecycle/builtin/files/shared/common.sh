# shellcheck shell=sh
# What the buildpacks share: sourced, never run.

say() { printf -- '-----> %s\n' "$*"; }
more() { printf '       %s\n' "$*"; }
warn() { printf '       **WARNING** %s\n' "$*"; }
fail() {
  printf '       **ERROR** %s\n' "$*" >&2
  exit 1
}

# prepend NAME DIR: puts DIR, if it is there, before what NAME lists.
prepend() {
  [ -d "$2" ] || return 0
  eval "export $1=\"\$2\${$1:+:\$$1}\""
}

# staging_env DEPS: what buildpacks have supplied so far, as Cloud Foundry's
# libbuildpack hands it on: later ones first.
staging_env() {
  for dep in "$1"/*; do
    prepend PATH "$dep/bin"
    prepend LD_LIBRARY_PATH "$dep/lib"
    prepend LIBRARY_PATH "$dep/lib"
    prepend CPATH "$dep/include"
    prepend PKG_CONFIG_PATH "$dep/pkgconfig"
    for file in "$dep"/env/*; do
      case "${file##*/}" in
        *[!A-Za-z0-9_]* | [0-9]*) ;; # no name of a variable, or no file at all
        *) export "${file##*/}=$(cat "$file")" ;;
      esac
    done
  done
}

# launch_env DEPS PROFILE: lets the app find what buildpacks supplied, as the
# final buildpack has to: PATH and the like, and their own scripts.
launch_env() (
  path= libs=
  for dep in "$1"/*; do
    index=${dep##*/}
    [ -d "$dep/bin" ] && path="\$DEPS_DIR/$index/bin${path:+:$path}"
    [ -d "$dep/lib" ] && libs="\$DEPS_DIR/$index/lib${libs:+:$libs}"
    for script in "$dep"/profile.d/*; do
      [ -f "$script" ] && cp "$script" "$2/${index}_${script##*/}"
    done
  done
  {
    [ -z "$path" ] || printf 'export PATH="%s${PATH:+:$PATH}"\n' "$path"
    for name in LD_LIBRARY_PATH LIBRARY_PATH; do
      [ -z "$libs" ] || printf 'export %s="%s${%s:+:$%s}"\n' "$name" "$libs" "$name" "$name"
    done
  } > "$2/000_multi-supply.sh"
  [ -s "$2/000_multi-supply.sh" ] || rm "$2/000_multi-supply.sh"
)
