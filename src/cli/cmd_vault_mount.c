/* SPDX-License-Identifier: Apache-2.0 */

/* casemate vault mount: snapshots as a read-only file system. */

#include <stdio.h>

#include "cli/commands.h"
#include "cli/out.h"
#include "cli/progress.h"

/* What is said once the mount is up. */
struct ready {
	struct cli *c;
	const char *dir;
	err e;
};

static void
on_ready(void *arg)
{
	struct ready *r = arg;

	if (r->c->json) {
		struct json_writer *w = out_json(r->c);
		json_str(w, "mounted", r->dir);
		r->e = out_json_end(r->c);
		return;
	}
	out_line("mounted at %s", r->dir);
	(void)fflush(stdout);
	out_note(r->c, "Ctrl-C or \"fusermount3 -u %s\" ends it.", r->dir);
}

static err
run(struct cli *c)
{
	AUTO(free_ptr) char *dir = NULL;
	struct ready r = { .c = c };
	err e;

	if ((e = cli_absolute(opt_word(c->opts, 0), &dir)).code)
		return e;
	r.dir = dir;

	/* FUSE ends on them, if nobody else has them. */
	progress_signals_off();
	e = vault_mount(c->vault, opt_word(c->opts, 1), dir, on_ready, &r);
	err_keep(&e, r.e);
	return e;
}

const struct cmd cmd_vault_mount = {
	.name = "vault mount",
	.group = GROUP_VAULT,
	.args = "DIR [ASSET]",
	.brief = "show snapshots as a read-only file system",
	.about = "Serves DIR as ASSET/TIME/... until it is unmounted or a "
		 "signal comes.\nNeeds /dev/fuse and fusermount3.",
	.example = "casemate vault mount /mnt/snapshots scorer",
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "vault.mount/1",
	.run = run,
};
