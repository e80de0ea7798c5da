/* SPDX-License-Identifier: Apache-2.0 */

/* What the commands want to know of this machine. */

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/machine.h"
#include "cli/pass.h"

#define NODE_MAX 64

static bool
node_char(char ch, bool first)
{
	if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'))
		return true;
	return !first && (ch == '.' || ch == '_' || ch == '-');
}

static bool
node_valid(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!node_char(name[i], i == 0))
			return false;
	return n > 0 && n <= NODE_MAX;
}

err
machine_node(const char *name, char **ret)
{
	char host[256] = "", out[NODE_MAX + 1];
	size_t n = 0;

	if (name != NULL) {
		if (node_valid(name))
			return mem_dup(name, strlen(name), ret);
		return err_new(
		    E_INVALID,
		    "\"%s\" is no node name: lower-case letters, digits, "
		    "\".\", \"_\" and \"-\", at most %d",
		    name, NODE_MAX);
	}
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	for (size_t i = 0; host[i] != '\0' && n < NODE_MAX; i++) {
		char ch = (char)tolower((unsigned char)host[i]);
		if (node_char(ch, n == 0))
			out[n++] = ch;
	}
	if (n == 0)
		return mem_dup("node", 4, ret);
	return mem_dup(out, n, ret);
}

enum machine_kit
machine_kit(const struct workspace *ws)
{
	AUTO(pass_wipe) struct buf b = BUF_MAX(64 * KiB);
	AUTO(free_ptr) char *path = NULL;
	err e;

	if ((e = fs_path_join(&path, ws->dir, MACHINE_KIT)).code == E_OK)
		e = fs_read(AT_FDCWD, path, &b);
	if (e.code) {
		err_drop(e);
		return MACHINE_KIT_GONE;
	}
	if (memmem(b.p, b.len, "\nwrap: none\n", 12) != NULL)
		return MACHINE_KIT_BEARER;
	return b.len > 0 ? MACHINE_KIT_GUARDED : MACHINE_KIT_GONE;
}

bool
machine_has_key(const struct workspace *ws)
{
	AUTO(free_ptr) char *path = NULL;
	struct stat st;
	err e;

	if ((e = fs_path_join(&path, ws->dir, MACHINE_KEY)).code) {
		err_drop(e);
		return false;
	}
	return lstat(path, &st) == 0;
}
