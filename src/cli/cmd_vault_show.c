/* SPDX-License-Identifier: Apache-2.0 */

/* casemate vault show: all that a snapshot says of itself. */

#include "base/time.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/text.h"

static err
json_show(struct cli *c, const struct snapshot *s)
{
	struct json_writer *w = out_json(c);

	json_str(w, "asset", s->asset);
	json_digest(w, "id", &s->id);
	json_str(w, "kind", s->kind);
	json_str(w, "node", s->node);
	json_str(w, "base", s->base);
	json_uint(w, "sequence", s->sequence);
	if (digest_is_zero(&s->prev))
		json_null(w, "previous");
	else
		json_digest(w, "previous", &s->prev);
	json_time(w, "started", s->started_ns);
	json_time(w, "finished", s->finished_ns);
	json_uint(w, "files", s->files);
	json_uint(w, "dirs", s->dirs);
	json_uint(w, "others", s->others);
	json_uint(w, "size_bytes", s->bytes);
	json_uint(w, "new_bytes", s->bytes_new);
	json_uint(w, "stored_bytes", s->bytes_stored);
	json_uint(w, "problems", s->problems);
	json_uint(w, "files_unsteady", s->unsteady);
	return out_json_end(c);
}

static err
run(struct cli *c)
{
	AUTO(snapshot_release) struct snapshot s = { 0 };
	err e;

	if ((e = cli_snapshot(c, opt_word(c->opts, 0), &s)).code)
		return e;
	if (c->json)
		return json_show(c, &s);
	out_line("snapshot  %s", digest_str(&s.id));
	out_line("asset     %s (%s)", s.asset, s.kind);
	out_line("made by   %s, number %llu", s.node,
	         (unsigned long long)s.sequence);
	out_line("from      %s", s.base);
	out_line("started   %s", time_str(s.started_ns));
	out_line("finished  %s", time_str(s.finished_ns));
	out_line("previous  %s",
	         digest_is_zero(&s.prev) ? "none" : digest_str(&s.prev));
	out_line("holds     %llu files, %llu directories, %llu others",
	         (unsigned long long)s.files, (unsigned long long)s.dirs,
	         (unsigned long long)s.others);
	out_line("size      %s; %s were new, %s stored", size_str(s.bytes),
	         size_str(s.bytes_new), size_str(s.bytes_stored));
	if (s.problems > 0)
		out_line("not read  %llu", (unsigned long long)s.problems);
	if (s.unsteady > 0)
		out_line("unsteady  %llu changed while being read",
		         (unsigned long long)s.unsteady);
	return OK;
}

const struct cmd cmd_vault_show = {
	.name = "vault show",
	.group = GROUP_VAULT,
	.args = "SNAPSHOT",
	.brief = "show what a snapshot says of itself",
	.example = "casemate vault show transactions@latest",
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "vault.show/1",
	.run = run,
};
