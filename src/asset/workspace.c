/* SPDX-License-Identifier: Apache-2.0 */

/* Finding a workspace, reading its casemate.yaml, making a new one. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asset/config.h"
#include "asset/workspace.h"
#include "base/fs.h"
#include "base/str.h"

/* Does ${dir} hold a casemate.yaml?  Whether it can be read comes later. */
static bool
is_workspace(const char *dir)
{
	AUTO(free_ptr) char *path = NULL;
	struct stat st;
	err e;

	if ((e = fs_path_join(&path, dir, WORKSPACE_FILE)).code) {
		err_drop(e);
		return false;
	}
	return stat(path, &st) == 0;
}

/* A directory that somebody named must be one. */
static err
find_named(const char *here, const char *dir, const char *from, char **ret)
{
	AUTO(free_ptr) char *path = NULL;
	err e;

	if ((e = config_path(here, dir, &path)).code)
		return e;
	if (!is_workspace(path))
		return err_new(
		    E_NOTFOUND,
		    "no %s in \"%s\" (%s); \"casemate init\" makes one",
		    WORKSPACE_FILE, path, from);
	*ret = take(path);
	return OK;
}

err
workspace_find(const char *dir, char **ret)
{
	const char *env = getenv("CASEMATE_WORKSPACE");
	AUTO(free_ptr) char *here = getcwd(NULL, 0);
	char *slash;

	if (here == NULL)
		return err_sys("finding the current directory");
	if (dir != NULL)
		return find_named(here, dir, "--workspace", ret);
	if (env != NULL && *env != '\0')
		return find_named(here, env, "CASEMATE_WORKSPACE", ret);
	for (;;) {
		if (is_workspace(here)) {
			*ret = take(here);
			return OK;
		}
		if ((slash = strrchr(here, '/')) == NULL || here[1] == '\0')
			break;
		slash[slash == here] = '\0';
	}
	return err_new(
	    E_NOTFOUND,
	    "no %s here or above; \"casemate init\" makes one, --workspace "
	    "DIR names one",
	    WORKSPACE_FILE);
}

/* The directory's last name, as far as its letters make a name. */
static err
default_name(const char *dir, char **ret)
{
	const char *base = strrchr(dir, '/');
	char out[64];
	size_t n = 0;

	for (base = base != NULL ? base + 1 : dir; *base != '\0'; base++) {
		char ch = *base;
		if (ch >= 'A' && ch <= 'Z')
			ch = (char)(ch - 'A' + 'a');
		bool letter = (ch >= 'a' && ch <= 'z') ||
		    (ch >= '0' && ch <= '9');
		if (!letter)
			ch = n > 0 && out[n - 1] != '-' ? '-' : '\0';
		if (ch != '\0' && n < sizeof(out))
			out[n++] = ch;
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	return n > 0 ? mem_dup(out, n, ret) : mem_dup("workspace", 9, ret);
}

static err
read_root(const struct yaml_node *root, struct workspace *ws)
{
	static const char *const keys[] = { "workspace", "vault",  "assets",
		                            "people",    "roles",  "approvals",
		                            "guard",     "alerts", NULL };
	const struct yaml_node *name = yaml_get(root, "workspace");
	err e;

	if ((e = yaml_check_keys(root, keys)).code)
		return e;
	if (name == NULL)
		e = default_name(ws->dir, &ws->name);
	else if ((e = config_name(name, "a workspace")).code == E_OK)
		e = config_text(root, "workspace", &ws->name);
	if (e.code)
		return e;
	if (yaml_get(root, "vault") == NULL)
		return yaml_error(root, "the section \"vault\" is missing");
	if ((e = config_stores(yaml_get(root, "vault"), ws)).code ||
	    (e = config_assets(yaml_get(root, "assets"), ws)).code)
		return e;
	return config_rooms(root, ws);
}

err
workspace_parse(const void *text, size_t n, const char *dir,
                struct workspace **ret)
{
	AUTO(workspace_closep) struct workspace *ws = NULL;
	AUTO(yaml_dropp) struct yaml_node *root = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*ws), &ws)).code ||
	    (e = mem_dup(dir, strlen(dir), &ws->dir)).code ||
	    (e = fs_path_join(&ws->state_dir, dir, WORKSPACE_STATE)).code)
		return e;
	if ((e = yaml_read(text, n, &root)).code ||
	    (e = read_root(root, ws)).code)
		return err_in(e, "%s/%s", dir, WORKSPACE_FILE);
	*ret = take(ws);
	return OK;
}

err
workspace_open(const char *dir, struct workspace **ret)
{
	AUTO(buf_release) struct buf b = BUF_MAX(YAML_BYTES_MAX);
	AUTO(free_ptr) char *path = NULL;
	err e;

	if ((e = fs_path_join(&path, dir, WORKSPACE_FILE)).code)
		return e;
	if ((e = fs_read(AT_FDCWD, path, &b)).code)
		return err_in(e, "reading the workspace");
	return workspace_parse(b.p, b.len, dir, ret);
}

static void
asset_release(struct asset *a)
{
	free(a->name);
	free(a->kind);
	free(a->source);
	free(a->contract);
	config_words_free(a->rebuild);
	config_words_free(a->rebuild_needs);
	config_words_free(a->smoke);
}

void
workspace_close(struct workspace *ws)
{
	if (ws == NULL)
		return;
	for (size_t i = 0; i < ws->vault.nstores; i++) {
		struct vault_store_config *s = &ws->vault.stores[i];
		free(s->name);
		free(s->url);
		free(s->medium);
		free(s->site);
	}
	free(ws->vault.stores);
	for (size_t i = 0; i < ws->nassets; i++)
		asset_release(&ws->assets[i]);
	free(ws->assets);
	for (size_t i = 0; i < ws->nlater; i++)
		free(ws->later[i]);
	free(ws->later);
	free(ws->name);
	free(ws->state_dir);
	free(ws->dir);
	free(ws);
}

void
workspace_closep(struct workspace **ws)
{
	workspace_close(*ws);
}

err
workspace_asset(const struct workspace *ws, const char *name,
                const struct asset **ret)
{
	AUTO(free_ptr) const char **names = NULL;
	const char *near;
	err e;

	for (size_t i = 0; i < ws->nassets; i++)
		if (strcmp(ws->assets[i].name, name) == 0) {
			*ret = &ws->assets[i];
			return OK;
		}
	if ((e = mem_alloc(ws->nassets + 1, sizeof(*names), &names)).code)
		return e;
	for (size_t i = 0; i < ws->nassets; i++)
		names[i] = ws->assets[i].name;
	if ((near = str_nearest(name, names)) != NULL)
		return err_new(
		    E_NOTFOUND,
		    "no asset \"%s\" in casemate.yaml; did you mean \"%s\"?",
		    name, near);
	return err_new(E_NOTFOUND, "no asset \"%s\" in casemate.yaml", name);
}

static const char head[] =
    "# What Casemate protects here, where the copies go, and how soon each\n"
    "# asset must be back.  Paths are relative to this file.\n";

static const char stores_note[] =
    "  # One store beside the data survives a slip of the hand, not the loss\n"
    "  # of the disk.  Add others, on another device and at another site:\n"
    "  #   - {name: nas, url: /mnt/nas/vault, medium: nas, site: office}\n"
    "  stores:\n";

static const char tail[] =
    "  # How many snapshots stay of each age when \"casemate vault forget\"\n"
    "  # thins them out.\n"
    "  keep: {hourly: 24, daily: 14, weekly: 8, monthly: 12}\n"
    "\n"
    "# An asset is what is saved and restored as one.  Its kind: dataset,\n"
    "# feature-store, model, pipeline, notebook, environment or service.  Its\n"
    "# source: a file, a directory or a glob.  Its objective: rpo is how\n"
    "# much recent work may be lost, rto how long bringing it back may take.\n"
    "#\n"
    "#   - {name: transactions, kind: dataset, source: data/transactions,\n"
    "#      objective: {rpo: 1h, rto: 30m}}\n"
    "#   - {name: scorer, kind: model, source: models/scorer}\n"
    "assets: []\n";

err
workspace_make(const char *dir, const char *store_url)
{
	AUTO(buf_release) struct buf b = BUF_MAX(16 * KiB);
	AUTO(close_fd) int fd = -1;
	AUTO(free_ptr) char *name = NULL;
	err e;

	if ((e = default_name(dir, &name)).code)
		return e;
	buf_str(&b, head);
	buf_fmt(&b, "workspace: \"%s\"\n\nvault:\n", name);
	buf_str(&b, stores_note);
	buf_str(&b, "    - {name: here, url: \"");
	for (const char *s = store_url != NULL ? store_url
	                                       : "./" WORKSPACE_STATE "/vault";
	     *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			buf_fmt(&b, "\\x%02x", (unsigned)*s);
		else
			buf_fmt(&b, "%s%c", *s == '"' || *s == '\\' ? "\\" : "",
			        *s);
	}
	buf_str(&b, "\", medium: disk}\n");
	buf_str(&b, tail);
	if ((e = buf_done(&b)).code)
		return e;
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys("opening \"%s\"", dir);
	return fs_create(fd, WORKSPACE_FILE, b.p, b.len, 0644);
}
