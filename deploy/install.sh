#!/bin/sh
# Installs SQ as a service on a Debian-like system, from a program that was built:
#
#	make build && sudo deploy/install.sh
#
# What is there already stays: the configuration, the data, the user. Running it
# again with a newer program is the upgrade; the one before is kept as sq.previous.
#
#	--binary FILE    the program (default bin/sq beside this folder)
#	--prefix DIR     where bin/sq and lib/sq go (default /usr/local)
#	--root DIR       install below DIR, for images and tests: no user is made, nothing
#	                 is started, and systemd is not told
#	--no-start       do not start or restart the service
#	--uninstall      stop the service and remove the program and the units; the
#	                 configuration, the data and the user stay
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
binary=$here/../bin/sq
prefix=/usr/local
root=
start=yes
uninstall=no

say() { printf '%s\n' "$*"; }
fail() {
	printf 'install.sh: %s\n' "$*" >&2
	exit 1
}
value() { [ "$2" -gt 1 ] || fail "$1 needs a value"; }

while [ $# -gt 0 ]; do
	case $1 in
	--binary) value "$1" $# && binary=$2 && shift ;;
	--prefix) value "$1" $# && prefix=$2 && shift ;;
	--root) value "$1" $# && root=${2%/} && shift ;;
	--no-start) start=no ;;
	--uninstall) uninstall=yes ;;
	-h | --help)
		sed -n '2,/^set -eu/{/^set -eu/!s/^# \{0,1\}//p;}' "$0"
		exit 0
		;;
	*) fail "there is no $1; --help lists what there is" ;;
	esac
	shift
done

case $prefix in
/*) ;;
*) fail "--prefix $prefix does not begin with /" ;;
esac
if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
	fail "run it as root, or with --root DIR"
fi

bin=$root$prefix/bin
lib=$root$prefix/lib/sq
etc=$root/etc/sq
units=$root/etc/systemd/system
data=$root/var/lib/sq
backups=$root/var/backups/sq

# systemd reports whether there is one to be told.
systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

remove() {
	if systemd; then
		systemctl disable --now sq.service sq.socket sq-backup.timer 2>/dev/null || true
	fi
	rm -f "$bin/sq" "$bin/sq.previous" "$lib/backup"
	rmdir "$lib" 2>/dev/null || true
	for unit in sq.service sq.socket sq-backup.service sq-backup.timer; do
		rm -f "$units/$unit"
	done
	if systemd; then
		systemctl daemon-reload
	fi
	say "SQ is removed. These stay: $etc, $data, $backups, and the user sq."
}

if [ "$uninstall" = yes ]; then
	remove
	exit 0
fi

[ -f "$binary" ] || fail "there is no program $binary: make build makes it, or --binary names it"
"$binary" version >/dev/null || fail "$binary does not run on this machine"

# own gives a path to a user and a group, where there is somebody to give it to.
own() {
	if [ -z "$root" ]; then
		chown "$1" "$2"
	fi
}

# folder makes a folder whose parent belongs to root, with a mode and an owner that
# one of before gets too.
folder() {
	mkdir -p "$1"
	chmod "$2" "$1"
	own "$3" "$1"
}

# place puts a file in the place of another, with a mode.
place() {
	cp "$1" "$2.new"
	chmod "$3" "$2.new"
	mv -f "$2.new" "$2"
}

add_user() {
	if [ -z "$root" ] && ! id sq >/dev/null 2>&1; then
		useradd --system --user-group --home-dir /var/lib/sq --no-create-home --shell /usr/sbin/nologin sq
	fi
}

install_program() {
	mkdir -p "$bin" "$lib"
	if [ -f "$bin/sq" ] && ! cmp -s "$binary" "$bin/sq"; then
		place "$bin/sq" "$bin/sq.previous" 755
		say "The program of before is $bin/sq.previous."
	fi
	place "$binary" "$bin/sq" 755
	place "$here/backup.sh" "$lib/backup" 755
}

install_units() {
	mkdir -p "$units"
	for unit in sq.service sq.socket sq-backup.service sq-backup.timer; do
		sed "s|/usr/local/|$prefix/|g" "$here/systemd/$unit" >"$units/$unit.new"
		chmod 644 "$units/$unit.new"
		mv -f "$units/$unit.new" "$units/$unit"
	done
}

# secret prints so many random bytes in hex.
secret() { od -An -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

# hash prints what the configuration has in the place of a secret.
hash() { printf 'sha256:%s' "$(printf '%s' "$1" | sha256sum | cut -d' ' -f1)"; }

# configure makes a configuration with a tenant and a key of the administration. The
# file has their hashes. The token is shown once, and the key is kept for root. The
# server writes to the file, so it lies in the server's folder; what root reads does
# not, and nothing is written where the server could have put a link.
configure() {
	if [ -e "$data/tenants.json" ]; then
		say "$data/tenants.json is there and stays as it is."
		return
	fi
	token=pmb-v1-001-$(secret 12)
	key=admin-$(secret 24)
	for file in tenants.json.new admin-key.new; do
		rm -f "$etc/$file"
		(umask 077 && : >"$etc/$file")
	done
	cat >"$etc/tenants.json.new" <<-END
		{
		  "tenants": {
		    "$(hash "$token")": {"name": "example", "data_dir": "/var/lib/sq/tenants/example"}
		  },
		  "admin_key": "$(hash "$key")",
		  "data_root": "/var/lib/sq/tenants",
		  "reload_on_change": true
		}
	END
	own sq:sq "$etc/tenants.json.new"
	printf '%s\n' "$key" >"$etc/admin-key.new"
	mv -f "$etc/admin-key.new" "$etc/admin-key"
	mv -f "$etc/tenants.json.new" "$data/tenants.json"
	say "The token of the tenant example, shown this once:"
	say "    $token"
	say "The key of the administration is in $etc/admin-key."
}

# example_settings says where the flags of the service go.
example_settings() {
	[ ! -e "$etc/environment" ] || return 0
	cat >"$etc/environment.new" <<-'END'
		# The port and the flags of sq host; systemctl restart sq puts them in force.
		SQ_PORT=1337
		SQ_OPTIONS="--config /var/lib/sq/tenants.json --audit-log /var/lib/sq/audit.log --listen 127.0.0.1"
	END
	chmod 640 "$etc/environment.new"
	own root:sq "$etc/environment.new"
	mv -f "$etc/environment.new" "$etc/environment"
}

run_service() {
	if ! systemd; then
		return
	fi
	systemctl daemon-reload
	if [ "$start" = yes ] && systemctl is-active --quiet sq.service; then
		systemctl restart sq.service
		say "SQ was started anew: systemctl status sq"
	elif [ "$start" = yes ]; then
		systemctl enable --now sq.service
		say "SQ runs: systemctl status sq"
	fi
}

add_user
install_program
folder "$data" 750 sq:sq
folder "$backups" 700 sq:sq
folder "$etc" 750 root:sq
configure
example_settings
install_units
run_service
say "Next: doc/operations.md, the first hour."
