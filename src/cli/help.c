/* SPDX-License-Identifier: Apache-2.0 */

/* Help for people, from the declarations. */

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/text.h"

static const char *const groups[GROUPS] = {
	[GROUP_EVERYDAY] = "Every day",
	[GROUP_VAULT] = "The vault",
	[GROUP_KEYS] = "Keys",
	[GROUP_PROGRAM] = "The program and this machine",
};

const char *
help_group(enum cmd_group g)
{
	return groups[g];
}

const char *
help_value(const struct opt *o)
{
	return o->arg != NULL ? o->arg : "";
}

/* Print ${text} with every line indented. */
static void
print_block(const char *text, int indent)
{
	while (*text != '\0') {
		int n = (int)strcspn(text, "\n");
		(void)printf("%*s%.*s\n", n > 0 ? indent : 0, "", n, text);
		text += n + (text[n] == '\n');
	}
}

static err
add_option(struct table *t, const struct opt *o)
{
	AUTO(buf_release) struct buf b = BUF_MAX(1 * KiB);

	if (o->letter != 0)
		buf_fmt(&b, "-%c, ", o->letter);
	buf_fmt(&b, "--%s%s%s", o->name, o->arg != NULL ? " " : "",
	        help_value(o));
	return table_row(t, buf_cstr(&b), o->brief);
}

static void
print_options(const struct opt *o)
{
	AUTO(table_freep) struct table *t = NULL;
	err e = table_new(2, 0, &t);

	for (; e.code == E_OK && o != NULL && o->name != NULL; o++)
		e = add_option(t, o);
	if (e.code == E_OK)
		table_print(t, 2);
	err_drop(e);
}

/* The commands of one group, or of one room. */
static void
print_commands(enum cmd_group g, const char *room)
{
	AUTO(table_freep) struct table *t = NULL;
	size_t len = room != NULL ? strlen(room) : 0;
	err e = table_new(2, 0, &t);

	for (size_t i = 0; e.code == E_OK && cmd_all[i] != NULL; i++) {
		const struct cmd *c = cmd_all[i];
		bool in = room == NULL
		    ? c->group == g
		    : strncmp(c->name, room, len) == 0 && c->name[len] == ' ';
		if (in)
			e = table_row(t, c->name, c->brief);
	}
	if (e.code == E_OK)
		table_print(t, 2);
	err_drop(e);
}

void
help_overview(void)
{
	out_line("casemate keeps machine-learning systems recoverable.\n");
	out_line("usage: casemate COMMAND [OPTION]... [ARGUMENT]...");
	for (enum cmd_group g = 0; g < GROUPS; g++) {
		out_line("\n%s:", groups[g]);
		print_commands(g, NULL);
	}
	out_line("\nOptions of every command:");
	print_options(cmd_global);
	out_line(
	    "\n\"casemate help COMMAND\" tells more.  Exit status: 0 done, "
	    "1 failed and\nnothing changed, 2 wrong usage, 3 the verdict "
	    "is negative, 4 done in part.");
}

void
help_room(const char *room)
{
	out_line("usage: casemate %s COMMAND [OPTION]... [ARGUMENT]...\n",
	         room);
	print_commands(0, room);
}

static void
print_usage(FILE *f, const struct cmd *c)
{
	bool args = c->args != NULL && *c->args != '\0';

	(void)fprintf(f, "usage: casemate %s%s%s%s\n", c->name,
	              c->opts != NULL ? " [OPTION]..." : "", args ? " " : "",
	              args ? c->args : "");
}

void
help_usage(const struct cmd *cmd)
{
	print_usage(stderr, cmd);
}

void
help_command(const struct cmd *cmd)
{
	print_usage(stdout, cmd);
	out_line("\n%s\n", cmd->brief);
	if (cmd->about != NULL) {
		print_block(cmd->about, 0);
		out_line("%s", "");
	}
	if (cmd->opts != NULL) {
		out_line("Options:");
		print_options(cmd->opts);
		out_line("%s", "");
	}
	out_line("Options of every command:");
	print_options(cmd_global);
	out_line("\nExample:");
	print_block(cmd->example, 2);
	if (cmd->schema != NULL)
		out_line("\nWith --json the schema is \"%s\".", cmd->schema);
}

void
help_all(void)
{
	for (size_t i = 0; cmd_all[i] != NULL; i++)
		out_line("casemate %s", cmd_all[i]->name);
}

err
help_version(struct cli *c)
{
	if (!c->json) {
		out_line("casemate %s", CASEMATE_VERSION);
		return OK;
	}
	struct json_writer *w = out_json_schema(c, "version/1");
	json_str(w, "version", CASEMATE_VERSION);
	return out_json_end(c);
}
