/* SPDX-License-Identifier: Apache-2.0 */

/* The manual page casemate(1), from the declarations. */

#include <stdio.h>
#include <string.h>

#include "cli/help.h"

/* Print ${n} characters so that roff takes none of them as its own. */
static void
roff_n(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i == 0 && (s[i] == '.' || s[i] == '\''))
			(void)fputs("\\&", stdout);
		if (s[i] == '\\')
			(void)fputs("\\e", stdout);
		else if (s[i] == '-')
			(void)fputs("\\-", stdout);
		else
			(void)putchar(s[i]);
	}
}

static void
roff(const char *s)
{
	roff_n(s, strlen(s));
}

/* Lines as they are, or (an empty line between) as paragraphs. */
static void
roff_text(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		if (n == 0)
			(void)fputs(".PP", stdout);
		roff_n(text, n);
		(void)putchar('\n');
		text += n + (text[n] == '\n');
	}
}

static void
roff_options(const struct opt *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		(void)fputs(".TP\n", stdout);
		if (o->letter != 0)
			(void)printf("\\fB\\-%c\\fR, ", o->letter);
		(void)fputs("\\fB\\-\\-", stdout);
		roff(o->name);
		(void)fputs("\\fR", stdout);
		if (o->arg != NULL)
			(void)printf(" \\fI%s\\fR", o->arg);
		(void)putchar('\n');
		roff(o->brief);
		(void)putchar('\n');
	}
}

static void
roff_command(const struct cmd *c)
{
	(void)fputs(".SS casemate ", stdout);
	roff(c->name);
	(void)printf("\n\\fBcasemate %s\\fR", c->name);
	if (c->opts != NULL)
		(void)fputs(" [\\fIOPTION\\fR]...", stdout);
	if (c->args != NULL && *c->args != '\0')
		(void)printf(" \\fI%s\\fR", c->args);
	(void)fputs("\n.PP\n", stdout);
	roff(c->brief);
	(void)fputs(".\n", stdout);
	if (c->about != NULL) {
		(void)fputs(".PP\n", stdout);
		roff_text(c->about);
	}
	roff_options(c->opts);
	(void)fputs(".PP\nExample:\n.PP\n.nf\n.RS\n", stdout);
	roff_text(c->example);
	(void)fputs("\n.RE\n.fi\n", stdout);
}

static void
roff_tail(void)
{
	static const struct {
		const char *name, *text;
	} status[] = {
		{ "0", "Done." },
		{ "1", "Failed; nothing changed." },
		{ "2", "The command line is wrong." },
		{ "3", "Done, and the verdict is negative." },
		{ "4", "Done in part: the output lists what is not done." },
	}, env[] = {
		{ "CASEMATE_WORKSPACE", "The workspace, if --workspace is not "
		                        "given." },
		{ "CASEMATE_PASSPHRASE_FILE", "A file with the passphrase." },
		{ "CASEMATE_PASSPHRASE_FD", "A descriptor to read the "
		                            "passphrase from." },
		{ "CASEMATE_CLOCK", "An RFC 3339 time that fixes the clock, "
		                    "for tests." },
	};

	(void)fputs(".SH EXIT STATUS\n", stdout);
	for (size_t i = 0; i < ARRAY_LEN(status); i++) {
		(void)printf(".TP\n\\fB%s\\fR\n", status[i].name);
		(void)printf("%s\n", status[i].text);
	}
	(void)fputs(".SH ENVIRONMENT\n", stdout);
	for (size_t i = 0; i < ARRAY_LEN(env); i++) {
		(void)printf(".TP\n\\fB%s\\fR\n", env[i].name);
		roff(env[i].text);
		(void)putchar('\n');
	}
}

void
help_manual(void)
{
	(void)printf(".TH CASEMATE 1 \"\" \"casemate %s\" \"User Commands\"\n"
	             ".SH NAME\ncasemate \\- keep machine\\-learning systems "
	             "recoverable\n"
	             ".SH SYNOPSIS\n\\fBcasemate\\fR \\fICOMMAND\\fR "
	             "[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n"
	             ".SH DESCRIPTION\n",
	             CASEMATE_VERSION);
	roff(
	    "Backs up, checks and restores data sets, features, models, "
	    "pipelines, notebooks and environments, as the file casemate.yaml "
	    "in a workspace names them.  An ASSET is a name from that file.  "
	    "A SNAPSHOT is ASSET@WHICH or an id alone; WHICH is an id (six hex "
	    "digits or more), \"latest\", or a time such as "
	    "2026-11-20T10:00:00Z.");
	(void)fputs("\n.SH OPTIONS\n", stdout);
	roff_options(cmd_global);
	for (enum cmd_group g = 0; g < GROUPS; g++) {
		(void)printf(".SH \"%s\"\n", help_group(g));
		for (size_t i = 0; cmd_all[i] != NULL; i++)
			if (cmd_all[i]->group == g)
				roff_command(cmd_all[i]);
	}
	roff_tail();
}
