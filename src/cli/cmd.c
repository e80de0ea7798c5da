/* SPDX-License-Identifier: Apache-2.0 */

/* The list of commands, and finding one in it. */

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cmd.h"
#include "cli/commands.h"

const struct cmd *const cmd_all[] = {
	&cmd_init,        &cmd_status,
	&cmd_backup,      &cmd_restore,
	&cmd_check,       &cmd_demo,
	&cmd_vault_list,  &cmd_vault_show,
	&cmd_vault_ls,    &cmd_vault_cat,
	&cmd_vault_diff,  &cmd_vault_mount,
	&cmd_vault_check, &cmd_vault_forget,
	&cmd_vault_prune, &cmd_vault_stats,
	&cmd_key_list,    &cmd_key_recover,
	&cmd_doctor,      &cmd_help,
	&cmd_version,     NULL,
};

const struct opt cmd_global[] = {
	{ "workspace", "DIR", "the workspace; else the nearest casemate.yaml",
	  OPT_TEXT, 0 },
	{ "json", NULL, "results as JSON, one object a line", OPT_FLAG, 0 },
	{ "quiet", NULL, "say only results, warnings and errors", OPT_FLAG,
	  'q' },
	{ "verbose", NULL, "say more", OPT_FLAG, 'v' },
	{ "no-progress", NULL, "do not show how far the work is", OPT_FLAG, 0 },
	{ "yes", NULL, "do not ask, take yes for an answer", OPT_FLAG, 'y' },
	{ "as", "PERSON", "act with the key of this person", OPT_TEXT, 0 },
	{ "limit-read", "RATE", "read no more a second, such as 20M", OPT_SIZE,
	  0 },
	{ "limit-upload", "RATE", "write no more a second to the stores",
	  OPT_SIZE, 0 },
	{ "help", NULL, "explain the command", OPT_FLAG, 'h' },
	{ "version", NULL, "print the version", OPT_FLAG, 0 },
	{ NULL },
};

#define NAMES_MAX ARRAY_LEN(cmd_all)

bool
cmd_is_room(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; cmd_all[i] != NULL; i++)
		if (strncmp(cmd_all[i]->name, name, n) == 0 &&
		    cmd_all[i]->name[n] == ' ')
			return true;
	return false;
}

static const struct cmd *
named(const char *name)
{
	for (size_t i = 0; cmd_all[i] != NULL; i++)
		if (strcmp(cmd_all[i]->name, name) == 0)
			return cmd_all[i];
	return NULL;
}

/* The second words of a room, or the first words of all commands. */
static size_t
words_of(const char *room, const char **list)
{
	size_t len = room != NULL ? strlen(room) : 0, n = 0;

	for (size_t i = 0; cmd_all[i] != NULL; i++) {
		const char *name = cmd_all[i]->name;
		if (room == NULL)
			list[n++] = name;
		else if (strncmp(name, room, len) == 0 && name[len] == ' ')
			list[n++] = name + len + 1;
	}
	list[n] = NULL;
	return n;
}

/* A room without a verb that it knows. */
static err
unknown_verb(const char *room, const char *verb)
{
	AUTO(buf_release) struct buf b = BUF_MAX(4 * KiB);
	const char *list[NAMES_MAX], *near;
	size_t n = words_of(room, list);

	if (verb != NULL && (near = str_nearest(verb, list)) != NULL)
		return err_new(
		    E_USAGE,
		    "unknown command \"%s %s\"; did you mean \"%s %s\"?", room,
		    verb, room, near);
	for (size_t i = 0; i < n; i++)
		buf_fmt(&b, "%s%s", i > 0 ? ", " : "", list[i]);
	return err_new(E_USAGE, "\"%s\" wants one of: %s", room, buf_cstr(&b));
}

static err
unknown_command(const char *word)
{
	const char *list[NAMES_MAX + 1], *near;
	size_t n = words_of(NULL, list);

	/* Half of a name of two words may be all that somebody remembers. */
	for (size_t i = 0; i < n; i++) {
		const char *verb = strchr(list[i], ' ');
		if (verb != NULL && strcmp(verb + 1, word) == 0)
			return err_new(
			    E_USAGE,
			    "unknown command \"%s\"; did you mean \"%s\"?",
			    word, list[i]);
	}
	list[n++] = "vault";
	list[n] = NULL;
	if ((near = str_nearest(word, list)) != NULL)
		return err_new(E_USAGE,
		               "unknown command \"%s\"; did you mean \"%s\"?",
		               word, near);
	return err_new(
	    E_USAGE, "unknown command \"%s\"; \"casemate help\" lists them all",
	    word);
}

err
cmd_find(int argc, char *const argv[], const struct cmd **ret, int *ret_used)
{
	AUTO(buf_release) struct buf b = BUF_MAX(1 * KiB);
	const struct cmd *c;
	const char *verb = argc > 1 ? argv[1] : NULL;

	if ((c = named(argv[0])) != NULL && strchr(argv[0], ' ') == NULL) {
		*ret = c;
		*ret_used = 1;
		return OK;
	}
	if (!cmd_is_room(argv[0]))
		return unknown_command(argv[0]);
	if (verb != NULL && strlen(verb) < 100) {
		buf_fmt(&b, "%s %s", argv[0], verb);
		if ((c = named(buf_cstr(&b))) != NULL) {
			*ret = c;
			*ret_used = 2;
			return OK;
		}
	}
	return unknown_verb(argv[0], verb);
}

err
cmd_check_words(const struct cmd *cmd, size_t n)
{
	const char *p = cmd->args != NULL ? cmd->args : "";
	size_t least = 0, most = 0;
	bool any = false;

	/* "WORD [WORD]" and "...": how many there must and may be. */
	while (*(p += strspn(p, " ")) != '\0') {
		size_t len = strcspn(p, " ");
		least += *p != '[';
		most++;
		any = any || (len > 3 && memmem(p, len, "...", 3) != NULL);
		p += len;
	}
	if (n < least)
		return err_new(E_USAGE, "too few words: casemate %s %s",
		               cmd->name, cmd->args);
	if (n > most && !any)
		return err_new(E_USAGE, "too many words: casemate %s%s%s",
		               cmd->name, most > 0 ? " " : "",
		               most > 0 ? cmd->args : "");
	return OK;
}
