/* SPDX-License-Identifier: Apache-2.0 */

/* Completion scripts for shells, from the declarations. */

#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "cli/out.h"

/* Call ${fn} for each first word of the commands, once. */
static void
each_first_word(void (*fn)(const char *word, int n, const struct cmd *c))
{
	for (size_t i = 0; cmd_all[i] != NULL; i++) {
		const char *name = cmd_all[i]->name;
		size_t n = strcspn(name, " ");
		bool seen = false;

		for (size_t j = 0; j < i; j++)
			seen = seen ||
			    (strncmp(cmd_all[j]->name, name, n) == 0 &&
			     strcspn(cmd_all[j]->name, " ") == n);
		if (!seen)
			fn(name, (int)n, cmd_all[i]);
	}
}

static void
plain_word(const char *word, int n, const struct cmd *c)
{
	(void)c;
	(void)printf(" %.*s", n, word);
}

/* The second words of the room of ${n} letters at ${word}. */
static void
plain_verbs(const char *word, int n)
{
	for (size_t i = 0; cmd_all[i] != NULL; i++) {
		const char *name = cmd_all[i]->name;
		if (strncmp(name, word, (size_t)n) == 0 && name[n] == ' ')
			(void)printf(" %s", name + n + 1);
	}
}

static void
plain_options(const struct opt *o)
{
	for (; o != NULL && o->name != NULL; o++)
		(void)printf(" --%s", o->name);
}

static void
bash_room(const char *word, int n, const struct cmd *c)
{
	if (c->name[n] != ' ')
		return;
	(void)printf("\t%.*s)\n\t\tverbs=\"", n, word);
	plain_verbs(word, n);
	(void)fputs("\" ;;\n", stdout);
}

/* bash: two words decide, then options of that command or file names. */
static void
bash(void)
{
	(void)fputs("# bash completion for casemate; generated.\n"
	            "_casemate()\n{\n"
	            "\tlocal cur=${COMP_WORDS[COMP_CWORD]} first= second= w\n"
	            "\tlocal verbs= options=\n"
	            "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	            "\t\t[[ $w == -* ]] && continue\n"
	            "\t\tif [[ -z $first ]]; then first=$w\n"
	            "\t\telif [[ -z $second ]]; then second=$w; fi\n"
	            "\tdone\n\tCOMPREPLY=()\n"
	            "\tif [[ -z $first && $cur != -* ]]; then\n"
	            "\t\tCOMPREPLY=($(compgen -W \"",
	            stdout);
	each_first_word(plain_word);
	(void)fputs("\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	            "\tcase $first in\n",
	            stdout);
	each_first_word(bash_room);
	(void)fputs("\tesac\n"
	            "\tif [[ -n $verbs && -z $second && $cur != -* ]]; then\n"
	            "\t\tCOMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
	            "\t\treturn\n\tfi\n"
	            "\tif [[ $cur == -* ]]; then\n"
	            "\t\toptions=\"",
	            stdout);
	plain_options(cmd_global);
	(void)fputs("\"\n\t\tcase \"$first${verbs:+ $second}\" in\n", stdout);
	for (size_t i = 0; cmd_all[i] != NULL; i++) {
		if (cmd_all[i]->opts == NULL)
			continue;
		(void)printf("\t\t\"%s\") options+=\"", cmd_all[i]->name);
		plain_options(cmd_all[i]->opts);
		(void)fputs("\" ;;\n", stdout);
	}
	(void)fputs("\t\tesac\n"
	            "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	            "\tfi\n}\n"
	            "complete -o default -F _casemate casemate\n",
	            stdout);
}

/* Text between single quotes, in which zsh also gives colons a meaning. */
static void
quoted(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			(void)fputs("'\\''", stdout);
		else if (*s == ':')
			(void)fputs("\\:", stdout);
		else
			(void)putchar(*s);
	}
}

static void
zsh_first(const char *word, int n, const struct cmd *c)
{
	(void)printf("\t'%.*s:", n, word);
	quoted(c->name[n] == ' ' ? help_group(c->group) : c->brief);
	(void)fputs("'\n", stdout);
}

static void
zsh_room(const char *word, int n, const struct cmd *c)
{
	if (c->name[n] != ' ')
		return;
	(void)printf("%.*s)\n\tverbs=(\n", n, word);
	for (size_t i = 0; cmd_all[i] != NULL; i++) {
		const char *name = cmd_all[i]->name;
		if (strncmp(name, word, (size_t)n) != 0 || name[n] != ' ')
			continue;
		(void)printf("\t\t'%s:", name + n + 1);
		quoted(cmd_all[i]->brief);
		(void)fputs("'\n", stdout);
	}
	(void)fputs("\t) ;;\n", stdout);
}

static void
zsh_options(const struct opt *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		(void)printf("\t'--%s:", o->name);
		quoted(o->brief);
		(void)fputs("'\n", stdout);
	}
}

static void
zsh(void)
{
	(void)fputs("#compdef casemate\n"
	            "# zsh completion for casemate; generated.\n"
	            "local -a commands verbs options plain\n"
	            "commands=(\n",
	            stdout);
	each_first_word(zsh_first);
	(void)fputs(")\n"
	            "plain=(${${words[2,CURRENT-1]}:#-*})\n"
	            "if (( ! $#plain )) && [[ $PREFIX != -* ]]; then\n"
	            "\t_describe command commands\n\treturn\nfi\n"
	            "case ${plain[1]-} in\n",
	            stdout);
	each_first_word(zsh_room);
	(void)fputs("esac\n"
	            "if (( $#verbs && $#plain < 2 )) && [[ $PREFIX != -* ]]; "
	            "then\n"
	            "\t_describe command verbs\n\treturn\nfi\n"
	            "if [[ $PREFIX != -* ]]; then\n\t_files\n\treturn\nfi\n"
	            "options=(\n",
	            stdout);
	zsh_options(cmd_global);
	(void)fputs(")\ncase \"${plain[1]-}${verbs:+ ${plain[2]-}}\" in\n",
	            stdout);
	for (size_t i = 0; cmd_all[i] != NULL; i++) {
		if (cmd_all[i]->opts == NULL)
			continue;
		(void)printf("\"%s\")\n\toptions+=(\n", cmd_all[i]->name);
		zsh_options(cmd_all[i]->opts);
		(void)fputs("\t) ;;\n", stdout);
	}
	(void)fputs("esac\n_describe option options\n", stdout);
}

/* Between single quotes fish knows backslash and quote. */
static void
fish_text(const char *s)
{
	(void)putchar('\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'' || *s == '\\')
			(void)putchar('\\');
		(void)putchar(*s);
	}
	(void)putchar('\'');
}

static void
fish_options(const struct opt *o, const char *when)
{
	for (; o != NULL && o->name != NULL; o++) {
		(void)printf("complete -c casemate -n '%s' -l %s", when,
		             o->name);
		if (o->letter != 0)
			(void)printf(" -s %c", o->letter);
		if (o->arg != NULL)
			(void)fputs(" -r", stdout);
		(void)fputs(" -d ", stdout);
		fish_text(o->brief);
		(void)putchar('\n');
	}
}

static void
fish_first(const char *word, int n, const struct cmd *c)
{
	(void)printf("complete -c casemate -f -n __fish_use_subcommand "
	             "-a %.*s -d ",
	             n, word);
	fish_text(c->name[n] == ' ' ? help_group(c->group) : c->brief);
	(void)putchar('\n');
}

static void
fish(void)
{
	char when[160];

	(void)fputs("# fish completion for casemate; generated.\n", stdout);
	each_first_word(fish_first);
	for (size_t i = 0; cmd_all[i] != NULL; i++) {
		const struct cmd *c = cmd_all[i];
		int n = (int)strcspn(c->name, " ");
		(void)snprintf(when, sizeof(when),
		               "__fish_seen_subcommand_from %.*s", n, c->name);
		if (c->name[n] == ' ') {
			(void)printf("complete -c casemate -f -n '%s' "
			             "-a %s -d ",
			             when, c->name + n + 1);
			fish_text(c->brief);
			(void)putchar('\n');
			(void)snprintf(when, sizeof(when),
			               "__fish_seen_subcommand_from %.*s; and "
			               "__fish_seen_subcommand_from %s",
			               n, c->name, c->name + n + 1);
		}
		fish_options(c->opts, when);
	}
	fish_options(cmd_global, "true");
}

err
help_completion(const char *shell)
{
	if (strcmp(shell, "bash") == 0)
		bash();
	else if (strcmp(shell, "zsh") == 0)
		zsh();
	else if (strcmp(shell, "fish") == 0)
		fish();
	else
		return err_new(
		    E_USAGE,
		    "no completion for \"%s\"; there is bash, zsh and fish",
		    shell);
	return OK;
}
