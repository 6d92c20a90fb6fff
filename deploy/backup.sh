#!/bin/sh
# Makes a backup of all tenants in a folder, and then removes those of it that are
# older than SQ_BACKUP_DAYS (14). A backup that fails leaves all as it was, and the
# exit status says so. The key of the administration comes from systemd
# (LoadCredential), or in SQ_ADMIN_KEY.
set -eu

folder=${1:?the folder for backups is missing, such as /var/backups/sq}
server=${SQ_BACKUP_SERVER:-http://127.0.0.1:1337}
days=${SQ_BACKUP_DAYS:-14}
sq=${SQ_PROGRAM:-/usr/local/bin/sq}

if [ -n "${CREDENTIALS_DIRECTORY:-}" ] && [ -r "$CREDENTIALS_DIRECTORY/admin-key" ]; then
	SQ_ADMIN_KEY=$(cat "$CREDENTIALS_DIRECTORY/admin-key")
	export SQ_ADMIN_KEY
fi

umask 077
file=$folder/sq-$(date -u +%Y%m%dT%H%M%SZ).tar
if ! "$sq" backup --server "$server" "$file.part"; then
	rm -f "$file.part"
	exit 1
fi
mv "$file.part" "$file"
find "$folder" -maxdepth 1 -name 'sq-*.tar' -mtime "+$days" -delete
echo "$file"
