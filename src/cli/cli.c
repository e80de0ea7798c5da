/* SPDX-License-Identifier: Apache-2.0 */

/* One run: read the command line, open what the command needs, run it, end. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asset/config.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "crypto/crypto.h"

/* Known before the options are parsed, so that their errors can obey it. */
static bool
wants_json(int argc, char *const argv[])
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

void
cli_raise(struct cli *c, int status)
{
	if (c->status < status)
		c->status = status;
}

err
cli_open_workspace(struct cli *c)
{
	AUTO(free_ptr) char *dir = NULL;
	err e;

	if ((e = workspace_find(opt_text(c->opts, "workspace"), &dir)).code)
		return e;
	return workspace_open(dir, &c->ws);
}

err
cli_open_vault(struct cli *c)
{
	err e;

	if ((e = vault_open(c->ws->state_dir, &c->ws->vault, &c->vault)).code)
		return err_in(e, "opening the vault of \"%s\"", c->ws->dir);
	for (size_t i = 0; i < c->ws->vault.nstores; i++) {
		const char *why = vault_store_state(c->vault, i);
		if (why != NULL)
			out_warn("store \"%s\" is not open: %s",
			         c->ws->vault.stores[i].name, why);
	}
	return OK;
}

static err
apply_global(struct cli *c)
{
	c->json = opt_flag(c->opts, "json");
	c->quiet = opt_flag(c->opts, "quiet");
	c->verbose = opt_flag(c->opts, "verbose");
	c->progress = !opt_flag(c->opts, "no-progress");
	c->yes = opt_flag(c->opts, "yes");
	c->limit_read = opt_number(c->opts, "limit-read", 0);
	c->limit_upload = opt_number(c->opts, "limit-upload", 0);
	if (opt_given(c->opts, "as"))
		return err_new(
		    E_UNSUPPORTED,
		    "\"--as\" is not in this version: there are no people yet");
	if (c->json && c->cmd->schema == NULL)
		return err_new(E_USAGE, "\"casemate %s\" has no JSON",
		               c->cmd->name);
	return OK;
}

static err
run_command(struct cli *c)
{
	size_t nwords;
	err e;

	if ((e = apply_global(c)).code)
		return e;
	(void)opt_words(c->opts, &nwords);
	if ((e = cmd_check_words(c->cmd, nwords)).code)
		return e;
	if (c->cmd->needs & (NEED_WORKSPACE | NEED_VAULT))
		if ((e = cli_open_workspace(c)).code)
			return e;
	if (c->cmd->needs & NEED_VAULT)
		if ((e = cli_open_vault(c)).code)
			return e;
	return c->cmd->run(c);
}

/* "casemate", "casemate --help", "casemate --version". */
static err
run_bare(struct cli *c)
{
	if (opt_flag(c->opts, "version"))
		return help_version(c);
	if (opt_flag(c->opts, "help")) {
		help_overview();
		return OK;
	}
	return err_new(E_USAGE,
	               "which command? \"casemate help\" lists them all");
}

static err
run(struct cli *c, int argc, char *const argv[])
{
	int used;
	err e;

	if ((e = opt_new(&c->opts)).code)
		return e;
	opt_declare(c->opts, cmd_global);
	if ((e = opt_parse(c->opts, argc, argv, true, &used)).code)
		return e;
	argc -= used;
	argv += used;
	if (argc == 0)
		return run_bare(c);

	/* A room with --help behind it, or a command. */
	if (cmd_is_room(argv[0]) && argc == 2 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		help_room(argv[0]);
		return OK;
	}
	if ((e = cmd_find(argc, argv, &c->cmd, &used)).code)
		return e;
	opt_declare(c->opts, c->cmd->opts);
	if ((e = opt_parse(c->opts, argc - used, argv + used, false, &used))
	        .code)
		return err_in(e, "%s", c->cmd->name);
	if (opt_flag(c->opts, "help")) {
		help_command(c->cmd);
		return OK;
	}
	return run_command(c);
}

static void
cli_release(struct cli *c)
{
	vault_close(c->vault);
	workspace_close(c->ws);
	opt_free(c->opts);
	buf_release(&c->text);
}

int
cli_main(int argc, char *argv[])
{
	AUTO(cli_release) struct cli c = { 0 };
	bool json = wants_json(argc, argv);
	int status;
	err e, flush;

	progress_signals();
	if ((e = crypto_init()).code == E_OK)
		e = run(&c, argc - 1, argv + (argc > 0));
	flush = out_finish();
	if (e.code == E_OK)
		e = flush;
	else
		err_drop(flush);
	if (e.code == E_OK)
		return c.status;

	/* What a command that was done in part has to add to its report. */
	status = err_exit_status(e.code);
	out_error(json, e);
	if (e.code == E_USAGE && c.cmd != NULL && !json)
		help_usage(c.cmd);
	err_drop(e);
	return status;
}

err
cli_split(const char *word, char **ret_asset, char **ret_spec)
{
	AUTO(free_ptr) char *asset = NULL, *spec = NULL;
	const char *at = strchr(word, '@');
	err e;

	if (at == NULL)
		at = word + strlen(word);
	else if (at[1] == '\0')
		return err_new(E_USAGE, "\"%s\" names no snapshot behind the @",
		               word);
	else if ((e = mem_dup(at + 1, strlen(at + 1), &spec)).code)
		return e;
	if (at == word)
		return err_new(E_USAGE, "\"%s\" names no asset", word);
	if ((e = mem_dup(word, (size_t)(at - word), &asset)).code)
		return e;
	*ret_asset = take(asset);
	*ret_spec = take(spec);
	return OK;
}

/* Could ${word} be the beginning of a snapshot's id? */
static bool
looks_like_id(const char *word)
{
	size_t n = strspn(word, "0123456789abcdef");

	return n >= 6 && n <= DIGEST_HEX && word[n] == '\0';
}

err
cli_snapshot(struct cli *c, const char *word, struct snapshot *ret)
{
	AUTO(free_ptr) char *asset = NULL, *spec = NULL;
	const struct asset *a;
	err e, known;

	if ((e = cli_split(word, &asset, &spec)).code)
		return e;

	/* An asset's name wins over an id that is spelled alike. */
	known = workspace_asset(c->ws, asset, &a);
	if (spec != NULL)
		e = vault_find(c->vault, asset, spec, ret);
	else if (known.code == E_OK || !looks_like_id(word))
		e = vault_find(c->vault, asset, "latest", ret);
	else
		e = vault_find(c->vault, NULL, word, ret);

	/* Neither in casemate.yaml nor in the vault: most likely mistyped. */
	if (e.code == E_NOTFOUND && known.code != E_OK) {
		err_drop(e);
		return known;
	}
	err_drop(known);
	return e;
}

err
cli_absolute(const char *path, char **ret)
{
	AUTO(free_ptr) char *here = getcwd(NULL, 0);

	if (here == NULL && path[0] != '/')
		return err_sys("finding the current directory");
	return config_path(here != NULL ? here : "/", path, ret);
}
