# Sourced by the commands of this folder: prepares the checkout's own Python environment, once.
# Nothing outside the checkout is changed, but for Debian packages installed when root asks for a test or a demo.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$checkout/.venv

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit 1
}

# The first Python of at least 3.11 on the path.
find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed and was not found; install the package python3"
}

# Installs the Debian packages that are missing, or says exactly which ones they are.
need_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        fail "these packages are missing: ${missing[*]} (as root: apt-get install ${missing[*]})"
    fi
    printf 'Installing %s\n' "${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# node_packages FOLDER: Node.js, and the packages that FOLDER/package-lock.json names, only when those have changed.
# They lie in FOLDER/node_modules; nothing of them is run at their installation.
node_packages() {
    local folder=$checkout/$1 stamp=$checkout/$1/node_modules/.made-of made_of
    command -v node >/dev/null && command -v npm >/dev/null || need_packages nodejs npm
    made_of=$(node --version; sha256sum <"$folder/package-lock.json")
    [ "$(cat "$stamp" 2>/dev/null)" = "$made_of" ] && return
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent
    printf '%s' "$made_of" >"$stamp"
}

# prepare EXTRA: a virtual environment with the checkout and the named extras, made anew only when what it is made of
# has changed.
prepare() {
    local extras=$1 python stamp made_of
    python=$(find_python) || exit 1
    stamp=$venv/.made-of-$extras
    made_of=$("$python" --version; cat "$checkout/pyproject.toml" "$checkout/deploy/constraints.txt" | sha256sum)
    [ -x "$venv/bin/dermscan" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$made_of" ] && return
    "$python" -c 'import ensurepip, venv' 2>/dev/null || need_packages python3-venv
    printf 'Preparing the environment in .venv (once; some minutes on a Raspberry Pi)\n'
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$checkout/deploy/constraints.txt" --editable "$checkout[$extras]"
    printf '%s' "$made_of" >"$stamp"
}
