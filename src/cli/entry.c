/* SPDX-License-Identifier: Apache-2.0 */

/* Types, modes, owners. */

#include <stdio.h>
#include <string.h>

#include "cli/entry.h"

void
entry_mode(const struct vault_entry *e, char out[11])
{
	static const char bits[] = "rwxrwxrwx";
	unsigned m = e->mode;

	out[0] = e->type == 'f' ? '-' : e->type;
	for (int i = 0; i < 9; i++)
		out[1 + i] = bits[i];
	for (int i = 0; i < 9; i++)
		if (!(m & 0400U >> i))
			out[1 + i] = '-';
	if (m & 04000)
		out[3] = out[3] == 'x' ? 's' : 'S';
	if (m & 02000)
		out[6] = out[6] == 'x' ? 's' : 'S';
	if (m & 01000)
		out[9] = out[9] == 'x' ? 't' : 'T';
	out[10] = '\0';
}

static const char *
type_name(char type)
{
	switch (type) {
	case 'f':
		return "file";
	case 'd':
		return "directory";
	case 'l':
		return "symlink";
	case 'p':
		return "fifo";
	case 'c':
		return "character-device";
	case 'b':
		return "block-device";
	case 's':
		return "socket";
	default:
		return "unknown";
	}
}

void
entry_json(struct json_writer *w, const char *key, const struct vault_entry *e)
{
	char mode[16];

	if (e == NULL) {
		json_null(w, key);
		return;
	}
	(void)snprintf(mode, sizeof(mode), "%04o", e->mode);
	json_open(w, key);
	json_str(w, "path", e->path);
	json_str(w, "type", type_name(e->type));
	json_str(w, "mode", mode);
	json_uint(w, "uid", e->uid);
	json_uint(w, "gid", e->gid);
	json_str(w, "user", e->user);
	json_str(w, "group", e->group);
	json_uint(w, "size_bytes", e->size);
	json_time(w, "modified", e->mtime_ns);
	if (e->target != NULL)
		json_str(w, "target", e->target);
	if (e->sha256 != NULL)
		json_digest(w, "sha256", e->sha256);
	if (e->unsteady)
		json_bool(w, "unsteady", true);
	if (e->unreadable)
		json_bool(w, "unreadable", true);
	json_close(w);
}
