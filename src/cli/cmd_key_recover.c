/* SPDX-License-Identifier: Apache-2.0 */

/* casemate key recover: from the recovery kit and one store to a workspace. */

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

#define KIT_MAX (64 * KiB)

static const struct opt opts[] = {
	{ "kit", "FILE", "the recovery kit", OPT_TEXT, 0 },
	{ "store", "URL", "a store of the vault; else those of casemate.yaml",
	  OPT_TEXT, 0 },
	{ "node", "NAME", "name of this machine; else its host name", OPT_TEXT,
	  0 },
	{ NULL },
};

/* A store that is given as a path is looked for from here. */
static err
store_url(struct cli *c, char **ret)
{
	const char *url = opt_text(c->opts, "store");

	if (url == NULL) {
		*ret = NULL;
		return OK;
	}
	if (strstr(url, "://") != NULL)
		return mem_dup(url, strlen(url), ret);
	return cli_absolute(url, ret);
}

/* What a run has made itself, so that it can take it back. */
struct made {
	bool yaml;
	bool state;
};

static void
take_back(const struct made *m, const char *dir)
{
	static const char *const names[] = { WORKSPACE_STATE, WORKSPACE_FILE };
	AUTO(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && m->state)
		err_drop(fs_remove_tree(fd, names[0]));
	if (fd >= 0 && m->yaml)
		(void)unlinkat(fd, names[1], 0);
}

/* Open the workspace in ${dir}, or make one around the store. */
static err
prepare(struct cli *c, const char *dir, const char *url, struct made *m)
{
	struct stat st;
	err e;

	if ((e = fs_mkdirs(AT_FDCWD, dir, 0755)).code)
		return err_in(e, "making \"%s\"", dir);
	if (url != NULL) {
		e = workspace_make(dir, url);
		if (e.code != E_OK && e.code != E_EXISTS)
			return e;
		m->yaml = e.code == E_OK;
		err_drop(e);
	}
	if ((e = workspace_open(dir, &c->ws)).code)
		return url != NULL ? e
				   : err_in(e,
		                            "without --store the stores come "
		                            "from casemate.yaml");
	if (machine_has_key(c->ws))
		return err_new(E_EXISTS,
		               "\"%s/%s\" exists: this workspace has its keys",
		               dir, MACHINE_KEY);
	m->state = lstat(c->ws->state_dir, &st) != 0;
	return fs_mkdirs(AT_FDCWD, c->ws->state_dir, 0700);
}

/* Try the one store, or those of casemate.yaml until one answers. */
static err
recover(struct cli *c, const struct buf *kit, const char *pass, const char *url,
        const char *node)
{
	const struct vault_config *v = &c->ws->vault;
	err e, first = OK;

	if (url != NULL)
		return vault_recover((const char *)kit->p, kit->len, pass, url,
		                     c->ws->state_dir, node);
	for (size_t i = 0; i < v->nstores; i++) {
		e = vault_recover((const char *)kit->p, kit->len, pass,
		                  v->stores[i].url, c->ws->state_dir, node);
		if (e.code == E_OK) {
			err_drop(first);
			return OK;
		}
		err_keep(&first, err_in(e, "store \"%s\"", v->stores[i].name));
	}
	return first;
}

static err
run(struct cli *c)
{
	AUTO(free_ptr) char *dir = NULL, *url = NULL, *node = NULL;
	AUTO(pass_wipe) struct buf kit = BUF_MAX(KIT_MAX);
	AUTO(pass_freep) char *pass = NULL;
	const char *file = opt_text(c->opts, "kit");
	const char *where = opt_word(c->opts, 0);
	struct made made = { 0 };
	err e;

	if (file == NULL)
		return err_new(E_USAGE, "where is the kit? --kit FILE says");
	if (where == NULL && (where = opt_text(c->opts, "workspace")) == NULL)
		where = ".";
	if ((e = cli_absolute(where, &dir)).code ||
	    (e = store_url(c, &url)).code ||
	    (e = machine_node(opt_text(c->opts, "node"), &node)).code)
		return e;
	if ((e = fs_read(AT_FDCWD, file, &kit)).code)
		return err_in(e, "reading the recovery kit");
	if (memmem(kit.p, kit.len, "\nwrap: none\n", 12) == NULL &&
	    (e = pass_ask("passphrase of the recovery kit", false, &pass)).code)
		return e;
	if ((e = prepare(c, dir, url, &made)).code ||
	    (e = recover(c, &kit, pass, url, node)).code) {
		take_back(&made, dir);
		return e;
	}
	if (made.yaml)
		out_note(c, "made %s/%s; name your assets in it", dir,
		         WORKSPACE_FILE);

	if (!c->json) {
		out_line("node %s may read and continue the vault again", node);
		out_line("next: casemate vault list, then casemate restore");
		return OK;
	}
	struct json_writer *w = out_json(c);
	json_str(w, "dir", dir);
	json_str(w, "node", node);
	return out_json_end(c);
}

const struct cmd cmd_key_recover = {
	.name = "key recover",
	.group = GROUP_KEYS,
	.args = "[DIR]",
	.brief = "open a vault on a new machine with its recovery kit",
	.about = "Makes this machine a node of the vault again, from the kit "
		 "and one store.\nWith --store a missing casemate.yaml is "
		 "made around that store; assets that it\ndoes not name can be "
		 "restored with --to.",
	.example = "casemate key recover --kit kit.txt --store /mnt/nas/vault",
	.opts = opts,
	.schema = "key.recover/1",
	.run = run,
};
