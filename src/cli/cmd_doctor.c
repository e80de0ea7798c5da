/* SPDX-License-Identifier: Apache-2.0 */

/*
 * casemate doctor: what is missing or weak on this machine, and why it matters.
 * Every question has one function; none of them changes anything.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "cli/commands.h"
#include "cli/machine.h"
#include "cli/out.h"
#include "cli/text.h"
#include "store/store.h"

static const struct opt opts[] = {
	{ "rebuild", NULL, "make the catalog again", OPT_FLAG, 0 },
	{ NULL },
};

enum state { FINE, WEAK, MISSING };

/* Answers on their way out, as text or JSON. */
struct answers {
	struct cli *c;
	struct table *t;
	bool missing;
	err e;
};

/* Add an answer: ${why} tells why it matters, where it is not fine. */
__attribute__((format(printf, 5, 6))) static void
answer(struct answers *a, enum state state, const char *what, const char *why,
       const char *fmt, ...)
{
	static const char *const names[] = { "ok", "weak", "missing" };
	AUTO(buf_release) struct buf b = BUF_MAX(16 * KiB);
	struct json_writer *w = &a->c->w;
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	a->missing = a->missing || state == MISSING;
	if (a->e.code)
		return;
	if (a->c->json) {
		json_open(w, NULL);
		json_str(w, "name", what);
		json_str(w, "state", names[state]);
		json_str(w, "found", buf_cstr(&b));
		json_str(w, "why", state != FINE ? why : NULL);
		json_close(w);
		return;
	}
	a->e = table_row(a->t, names[state], what, buf_cstr(&b));
	if (state != FINE && a->e.code == E_OK)
		a->e = table_row(a->t, "", "", why);
}

static bool
has_algorithm(const char *name)
{
	EVP_KEYMGMT *k = EVP_KEYMGMT_fetch(NULL, name, NULL);
	bool has = k != NULL;

	EVP_KEYMGMT_free(k);
	return has;
}

static void
ask_openssl(struct answers *a)
{
	bool sign = has_algorithm("ML-DSA-65");
	bool seal = has_algorithm("ML-KEM-768");

	answer(a, FINE, "OpenSSL", NULL, "%s",
	       OpenSSL_version(OPENSSL_VERSION));
	answer(a, sign && seal ? FINE : WEAK, "post-quantum",
	       "whoever copies the vault today may open it with a quantum "
	       "computer one day; OpenSSL 3.5 brings both",
	       "ML-DSA %s, ML-KEM %s", sign ? "present" : "absent",
	       seal ? "present" : "absent");
}

static void
ask_kernel(struct answers *a)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		                .resolve = RESOLVE_BENEATH };
	struct utsname u = { 0 };
	long fd;

	(void)uname(&u);
	answer(a, FINE, "kernel", NULL, "%s %s", u.sysname, u.release);
	fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));
	if (fd >= 0)
		(void)close((int)fd);
	answer(
	    a, fd >= 0 ? FINE : MISSING, "openat2",
	    "a restore could not be kept inside its target; Linux 5.6 has it",
	    "%s", fd >= 0 ? "present" : "absent");
}

static void
ask_sandbox(struct answers *a)
{
	struct sandbox_features f = sandbox_features();

	if (f.landlock > 0)
		answer(a, FINE, "Landlock", NULL, "version %d", f.landlock);
	else
		answer(a, WEAK, "Landlock",
		       "what parses foreign files is held by seccomp alone; "
		       "Linux 5.13 has Landlock, if it was not turned off",
		       "absent");
	answer(a, f.seccomp ? FINE : MISSING, "seccomp",
	       "without it foreign files are not parsed at all", "filters %s",
	       f.seccomp ? "present" : "absent");
	if (!f.kills)
		answer(a, WEAK, "seccomp", "this is a build for tests",
		       "a forbidden call fails instead of killing");
}

static void
ask_fuse(struct answers *a)
{
	bool dev = access("/dev/fuse", R_OK | W_OK) == 0;

	answer(a, dev ? FINE : WEAK, "/dev/fuse",
	       "\"casemate vault mount\" needs it; restore does not", "%s",
	       dev ? "present" : strerror(errno));
}

static void
ask_kit(struct answers *a, const struct workspace *ws)
{
	switch (machine_kit(ws)) {
	case MACHINE_KIT_GONE:
		answer(a, FINE, "recovery kit", NULL,
		       "not in the workspace; you know where it is");
		break;
	case MACHINE_KIT_GUARDED:
		answer(a, WEAK, "recovery kit",
		       "if this machine is lost, it is lost with it, and no "
		       "store can be opened: keep it elsewhere",
		       "%s, with a passphrase", MACHINE_KIT);
		break;
	case MACHINE_KIT_BEARER:
		answer(a, WEAK, "recovery kit",
		       "whoever reads this file opens the vault; and if this "
		       "machine is lost, it is lost with it: move it away",
		       "%s, without a passphrase", MACHINE_KIT);
		break;
	}
}

static void
ask_stores(struct answers *a, const struct workspace *ws)
{
	const struct vault_config *v = &ws->vault;

	for (size_t i = 0; i < v->nstores; i++) {
		AUTO(store_closep) struct store *s = NULL;
		uint64_t avail = 0, total = 0;
		char name[96];
		err e = store_open(v->stores[i].url, v->stores[i].name, &s);

		(void)snprintf(name, sizeof(name), "store %s",
		               v->stores[i].name);
		if (e.code == E_OK)
			e = store_space(s, &avail, &total);
		if (e.code != E_OK)
			answer(a, MISSING, name,
			       "nothing is saved to it, and nothing restored "
			       "from it",
			       "%s", err_text(e));
		else if (total > 0 && avail < total / 20)
			answer(a, WEAK, name, "it is nearly full", "%s free",
			       size_str(avail));
		else
			answer(a, FINE, name, NULL, "open, %s free",
			       size_str(avail));
		err_drop(e);
	}
	if (v->nstores == 1)
		answer(a, WEAK, "copies",
		       "what takes the one store takes everything; add one on "
		       "another device, and one at another site",
		       "one store");
}

static void
ask_workspace(struct answers *a)
{
	const struct workspace *ws = a->c->ws;

	answer(a, FINE, "workspace", NULL, "%s", ws->dir);
	answer(
	    a, machine_has_key(ws) ? FINE : MISSING, "keys",
	    "without them nothing can be saved or restored; \"casemate init\" "
	    "or \"casemate key recover\"",
	    "%s", machine_has_key(ws) ? MACHINE_KEY : "none");
	ask_kit(a, ws);
	ask_stores(a, ws);
	for (size_t i = 0; i < ws->nlater; i++)
		answer(a, WEAK, "casemate.yaml",
		       "this version reads that part and does not act on it",
		       "%s", ws->later[i]);
}

static err
ask_everything(struct answers *a)
{
	struct cli *c = a->c;
	err e;

	ask_kernel(a);
	ask_sandbox(a);
	ask_openssl(a);
	ask_fuse(a);

	/* No workspace is an answer as well; a broken one is an error. */
	e = cli_open_workspace(c);
	if (e.code == E_NOTFOUND && !opt_given(c->opts, "workspace")) {
		err_drop(e);
		answer(a, WEAK, "workspace",
		       "nothing here is protected; \"casemate init\" makes one",
		       "none here or above");
		return OK;
	}
	if (e.code)
		return e;
	ask_workspace(a);
	return OK;
}

static err
run(struct cli *c)
{
	AUTO(table_freep) struct table *t = NULL;
	struct answers a = { .c = c };
	err e;

	if (opt_flag(c->opts, "rebuild"))
		return err_new(
		    E_UNSUPPORTED,
		    "\"doctor --rebuild\" is not in this version: there is no "
		    "catalog yet, and so nothing to make again");
	if ((e = table_new(3, 0, &t)).code)
		return e;
	a.t = t;
	if (c->json)
		json_open_array(out_json(c), "answers");
	if ((e = ask_everything(&a)).code || (e = a.e).code)
		return e;
	if (a.missing)
		cli_raise(c, EXIT_VERDICT);
	if (c->json) {
		json_close_array(&c->w);
		json_bool(&c->w, "missing", a.missing);
		return out_json_end(c);
	}
	table_print(t, 0);
	return OK;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.group = GROUP_PROGRAM,
	.args = "",
	.brief = "say what is missing or weak here, and why it matters",
	.about = "Looks at the kernel, the sandbox, the crypto library and, "
		 "inside of a workspace,\nat keys, recovery kit and stores.  "
		 "Changes nothing.  Exit status 3 if something\nis missing "
		 "that protection needs.",
	.example = "casemate doctor",
	.opts = opts,
	.schema = "doctor/1",
	.run = run,
};
