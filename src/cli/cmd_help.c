/* SPDX-License-Identifier: Apache-2.0 */

/* casemate help. */

#include "cli/commands.h"
#include "cli/help.h"

static const struct opt opts[] = {
	{ "all", NULL, "print the names of all commands, one a line", OPT_FLAG,
	  0 },
	{ "man", NULL, "print the manual page as roff", OPT_FLAG, 0 },
	{ "completion", "SHELL", "print the completion for bash, zsh or fish",
	  OPT_TEXT, 0 },
	{ NULL },
};

static err
run(struct cli *c)
{
	const char *shell = opt_text(c->opts, "completion");
	const struct cmd *cmd;
	size_t n;
	char *const *words = opt_words(c->opts, &n);
	int used;
	err e;

	if (opt_flag(c->opts, "all")) {
		help_all();
		return OK;
	}
	if (opt_flag(c->opts, "man")) {
		help_manual();
		return OK;
	}
	if (shell != NULL)
		return help_completion(shell);
	if (n == 0) {
		help_overview();
		return OK;
	}
	if (n == 1 && cmd_is_room(words[0])) {
		help_room(words[0]);
		return OK;
	}
	if ((e = cmd_find((int)n, words, &cmd, &used)).code)
		return e;
	help_command(cmd);
	return OK;
}

const struct cmd cmd_help = {
	.name = "help",
	.group = GROUP_PROGRAM,
	.args = "[COMMAND]...",
	.brief = "explain the program or one of its commands",
	.example = "casemate help vault diff\n"
		   "casemate help --completion bash",
	.opts = opts,
	.run = run,
};
