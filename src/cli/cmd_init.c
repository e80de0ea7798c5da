/* SPDX-License-Identifier: Apache-2.0 */

/*
 * casemate init: configuration, keys, stores, recovery kit.  What was there
 * before stays; what a failed run made itself goes again.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "cli/machine.h"
#include "cli/out.h"
#include "cli/pass.h"

/* A kit is a page of text. */
#define KIT_MAX (64 * KiB)

static const struct opt opts[] = {
	{ "node", "NAME", "name of this machine; else its host name", OPT_TEXT,
	  0 },
	{ "kit", "FILE", "where the recovery kit goes", OPT_TEXT, 0 },
	{ NULL },
};

/* What a run of init has made, so that it can take it back. */
struct making {
	char *dir;
	char *kit_path;
	char *node;
	char *passphrase;
	bool made_yaml;
	bool made_state;
	bool made_kit;
	bool made_ignore;
	bool again; /* An earlier run broke off here. */
	bool begun; /* Stores may have been made: leave what marks that. */
};

/* What marks a run that has begun and not ended: the place of its kit. */
#define MAKING WORKSPACE_STATE "/making"

static void
making_release(struct making *m)
{
	free(m->dir);
	free(m->kit_path);
	free(m->node);
	pass_free(m->passphrase);
}

/* Everything of ${m} that does not touch a disk. */
static err
plan(struct cli *c, struct making *m)
{
	AUTO(free_ptr) char *key = NULL;
	const char *dir = opt_word(c->opts, 0);
	const char *kit = opt_text(c->opts, "kit");
	struct stat st;
	err e;

	if (dir == NULL && (dir = opt_text(c->opts, "workspace")) == NULL)
		dir = ".";
	if ((e = cli_absolute(dir, &m->dir)).code)
		return e;
	if (kit != NULL)
		e = cli_absolute(kit, &m->kit_path);
	else
		e = fs_path_join(&m->kit_path, m->dir, MACHINE_KIT);
	if (e.code)
		return e;
	if ((e = machine_node(opt_text(c->opts, "node"), &m->node)).code ||
	    (e = fs_path_join(&key, m->dir, MACHINE_KEY)).code)
		return e;
	if (lstat(key, &st) == 0)
		return err_new(
		    E_EXISTS,
		    "\"%s\" is a workspace already: \"%s\" exists and was "
		    "left alone",
		    m->dir, key);
	return OK;
}

static err
make_state(struct making *m, const struct workspace *ws)
{
	static const char ignore[] = "*\n";
	AUTO(close_fd) int fd = -1;
	err e;

	m->made_state = access(ws->state_dir, F_OK) != 0;
	if ((e = fs_mkdirs(AT_FDCWD, ws->state_dir, 0700)).code)
		return err_in(e, "making \"%s\"", ws->state_dir);
	fd = open(ws->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys("opening \"%s\"", ws->state_dir);

	/* Keys do not belong into anybody's git repository. */
	e = fs_create(fd, ".gitignore", ignore, sizeof(ignore) - 1, 0644);
	if (e.code == E_OK)
		m->made_ignore = true;
	if (e.code != E_EXISTS)
		return e;
	err_drop(e);
	return OK;
}

/* Did an earlier run break off, and is the kit that is there of that run? */
static err
look_for_making(struct making *m, const char *path, bool *ret_own_kit)
{
	AUTO(buf_release) struct buf b = BUF_MAX(8 * KiB);
	err e = fs_read(AT_FDCWD, path, &b);

	m->again = e.code == E_OK;
	*ret_own_kit = m->again && strcmp(buf_cstr(&b), m->kit_path) == 0;
	if (e.code == E_NOTFOUND) {
		err_drop(e);
		return OK;
	}
	return err_in(e, "reading \"%s\"", path);
}

/*
 * Take the kit's place before there is a kit that could get lost.  That a run
 * has begun is written down before its kit's file is made, and only where there
 * was no file: so what is there after a crash is known to be ours.
 */
static err
reserve_kit(struct making *m)
{
	AUTO(free_ptr) char *path = NULL;
	struct stat st;
	bool own;
	err e;

	if ((e = fs_path_join(&path, m->dir, MAKING)).code ||
	    (e = look_for_making(m, path, &own)).code || own)
		return e;
	if (lstat(m->kit_path, &st) == 0)
		return err_new(
		    E_EXISTS,
		    "\"%s\" exists; move it away, or name another place with "
		    "--kit",
		    m->kit_path);
	if ((e = fs_write(AT_FDCWD, path, m->kit_path, strlen(m->kit_path),
	                  0600))
	        .code)
		return e;
	m->made_kit = true;
	return err_in(fs_create(AT_FDCWD, m->kit_path, "", 0, 0600),
	              "making the recovery kit's file");
}

static void
take_back(const struct making *m)
{
	AUTO(free_ptr) char *yaml = NULL, *state = NULL, *ignore = NULL;
	AUTO(free_ptr) char *making = NULL;
	err e;

	if ((e = fs_path_join(&yaml, m->dir, WORKSPACE_FILE)).code ||
	    (e = fs_path_join(&state, m->dir, WORKSPACE_STATE)).code ||
	    (e = fs_path_join(&making, m->dir, MAKING)).code ||
	    (e = fs_path_join(&ignore, state, ".gitignore")).code) {
		err_drop(e);
		return;
	}
	if (m->begun)
		return;
	if (m->made_kit) {
		(void)unlink(making);
		(void)unlink(m->kit_path);
	}
	if (m->made_ignore)
		(void)unlink(ignore);
	if (m->made_state)
		(void)rmdir(state);
	if (m->made_yaml)
		(void)unlink(yaml);
}

/* Before a store is made: no vault is ever without its kit. */
static err
keep_kit(void *arg, const struct buf *kit)
{
	struct making *m = arg;
	err e = fs_write(AT_FDCWD, m->kit_path, kit->p, kit->len, 0600);

	if (e.code)
		return err_in(e, "saving the recovery kit as \"%s\"",
		              m->kit_path);
	return OK;
}

/* The workspace is whole: forget that it was being made. */
static err
made(const struct making *m)
{
	AUTO(free_ptr) char *path = NULL;
	err e;

	if ((e = fs_path_join(&path, m->dir, MAKING)).code)
		return e;
	(void)unlink(path);
	return OK;
}

static err
report(struct cli *c, const struct making *m, const struct workspace *ws)
{
	bool bearer = m->passphrase == NULL;

	if (bearer)
		out_warn("the recovery kit \"%s\" has no passphrase: whoever "
		         "holds it opens the vault.  Move it off this machine "
		         "now, on paper or a stick, and delete it here.",
		         m->kit_path);
	else
		out_note(c,
		         "Move the recovery kit off this machine: with it, "
		         "its passphrase and one store everything comes "
		         "back.");
	if (!c->json) {
		out_line("workspace %s in %s", ws->name, ws->dir);
		for (size_t i = 0; i < ws->vault.nstores; i++)
			out_line("store     %s at %s", ws->vault.stores[i].name,
			         ws->vault.stores[i].url);
		out_line("node      %s", m->node);
		out_line("kit       %s%s", m->kit_path,
		         bearer ? " (no passphrase)" : "");
		out_line("assets    %zu", ws->nassets);
		out_line("%s",
		         ws->nassets > 0
		             ? "next: casemate backup"
		             : "next: name your assets in casemate.yaml, then "
		               "casemate backup");
		return OK;
	}
	struct json_writer *w = out_json(c);
	json_str(w, "workspace", ws->name);
	json_str(w, "dir", ws->dir);
	json_str(w, "node", m->node);
	json_str(w, "kit", m->kit_path);
	json_bool(w, "kit_has_passphrase", !bearer);
	json_open_array(w, "stores");
	for (size_t i = 0; i < ws->vault.nstores; i++)
		json_str(w, NULL, ws->vault.stores[i].name);
	json_close_array(w);
	json_uint(w, "assets", ws->nassets);
	return out_json_end(c);
}

/* The steps that change something, in an order that can be taken back. */
static err
make(struct cli *c, struct making *m)
{
	AUTO(pass_wipe) struct buf kit = BUF_MAX(KIT_MAX);
	err e;

	if ((e = fs_mkdirs(AT_FDCWD, m->dir, 0755)).code)
		return err_in(e, "making \"%s\"", m->dir);
	e = workspace_make(m->dir, NULL);
	m->made_yaml = e.code == E_OK;
	if (e.code != E_OK && e.code != E_EXISTS)
		return e;
	err_drop(e);

	if ((e = workspace_open(m->dir, &c->ws)).code)
		goto undo;
	if ((e = pass_ask("passphrase for the recovery kit (empty: none)", true,
	                  &m->passphrase))
	        .code)
		goto undo;
	if ((e = make_state(m, c->ws)).code || (e = reserve_kit(m)).code)
		goto undo;

	struct vault_init_opts o = { .state_dir = c->ws->state_dir,
		                     .config = &c->ws->vault,
		                     .node = m->node,
		                     .passphrase = m->passphrase,
		                     .again = m->again,
		                     .keep_kit = keep_kit,
		                     .arg = m,
		                     .begun = &m->begun };
	if ((e = vault_init(&o, &kit)).code)
		goto undo;
	return made(m);
undo:
	take_back(m);
	return e;
}

static err
run(struct cli *c)
{
	AUTO(making_release) struct making m = { 0 };
	err e;

	if ((e = plan(c, &m)).code || (e = make(c, &m)).code)
		return e;
	return report(c, &m, c->ws);
}

const struct cmd cmd_init = {
	.name = "init",
	.group = GROUP_EVERYDAY,
	.args = "[DIR]",
	.brief = "make a workspace: configuration, keys, vault, recovery kit",
	.about =
	    "Writes a commented casemate.yaml into DIR (the current directory)"
	    " or, where\nthere is one, uses the stores that it names.  Makes"
	    " keys, the vault in every\nstore, and the recovery kit: the page"
	    " of text that opens the vault when this\nmachine is gone.  The"
	    " kit's passphrase comes from CASEMATE_PASSPHRASE_FILE,\n"
	    "CASEMATE_PASSPHRASE_FD or the terminal.  An existing workspace is"
	    " never touched.",
	.example = "casemate init credit-risk",
	.opts = opts,
	.schema = "init/1",
	.run = run,
};
