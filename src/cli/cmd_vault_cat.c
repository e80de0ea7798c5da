/* SPDX-License-Identifier: Apache-2.0 */

/* casemate vault cat: one file of a snapshot on stdout. */

#include <stdio.h>

#include "cli/commands.h"
#include "cli/out.h"

static err
give(const void *p, size_t n, void *arg)
{
	(void)arg;
	if (fwrite(p, 1, n, stdout) != n)
		return out_finish();
	return OK;
}

static err
run(struct cli *c)
{
	AUTO(snapshot_release) struct snapshot s = { 0 };
	err e;

	if ((e = cli_snapshot(c, opt_word(c->opts, 0), &s)).code)
		return e;
	return vault_cat(c->vault, &s, opt_word(c->opts, 1), give, NULL);
}

const struct cmd cmd_vault_cat = {
	.name = "vault cat",
	.group = GROUP_VAULT,
	.args = "SNAPSHOT PATH",
	.brief = "write one file of a snapshot to standard output",
	.about = "Every byte was checked before it is written.",
	.example = "casemate vault cat scorer@latest metrics.json",
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.run = run,
};
