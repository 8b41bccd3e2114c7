# Sourced: finds PostgreSQL's programs, and sets
#
#   programs        the folder of `initdb`, `pg_ctl` and `postgres`: that in PGBIN, in PATH, or where Debian's package has them
#   unprivileged    the beginning of a command line with a user whom the server lets start it
find_programs() {
    local folder
    for folder in "${PGBIN:-}" "$(dirname "$(readlink -f "$(command -v initdb)" || true)")" $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV); do
        if [[ -n $folder && -x $folder/initdb && -x $folder/pg_ctl ]]; then
            programs=$folder
            return
        fi
    done
    echo "$0: needs PostgreSQL 15 or later (Debian's package postgresql); PGBIN names the folder of initdb, if it is elsewhere" >&2
    exit 1
}

# A server refuses to run as root, so it gets a user without rights there.
unprivileged=()
if [[ $(id -u) -eq 0 ]]; then
    unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
fi

find_programs
