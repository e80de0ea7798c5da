/* SPDX-License-Identifier: Apache-2.0 */

/* Making, opening and closing a vault; what reaches all of its stores. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/time.h"
#include "vault/room.h"

#define DESCRIPTOR "vault"
#define CACHE_DIR  "cache"

/* Files that a process may want open at once. */
#define DESCRIPTORS 16384

void
vault_problems_release(struct vault_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].path);
		free(p->v[i].why);
	}
	free(p->v);
	*p = (struct vault_problems){ 0 };
}

void
vault_add_problem(struct vault_problems *p, const char *path, size_t n, err why)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct vault_problem *row;
	err e;

	p->total++;
	if (p->n < VAULT_PROBLEMS_KEPT) {
		fs_quote(path, n, &b);
		e = mem_grow(&p->v, p->n + 1, &p->cap, sizeof(*p->v));
		if (!e.code) {
			row = &p->v[p->n];
			*row = (struct vault_problem){ 0 };
			row->path = strdup(buf_cstr(&b));
			row->why = strdup(err_text(why));
			if (row->path != NULL && row->why != NULL) {
				p->n++;
			} else {
				free(row->path);
				free(row->why);
			}
		}
		err_drop(e);
	}
	err_drop(why);
}

/* --- stores --------------------------------------------------------------- */

err
vault_writable(const struct vault *v)
{
	if (v->read_only)
		return err_new(E_UNSUPPORTED,
		               "a newer version writes to this vault, this one "
		               "may only read it: update casemate");
	return OK;
}

struct store *
vault_first(const struct vault *v)
{
	for (size_t i = 0; i < v->ncopies; i++)
		if (v->copies[i].store != NULL)
			return v->copies[i].store;
	return NULL;
}

err
vault_put_all(struct vault *v, const char *name, const void *p, size_t n,
              struct vault_store_outcome *outcome)
{
	err first = OK;
	size_t took = 0;

	for (size_t i = 0; i < v->ncopies; i++) {
		err e;

		if (v->copies[i].store == NULL ||
		    (outcome != NULL && outcome[i].why != NULL))
			continue;
		e = store_put(v->copies[i].store, name, p, n);
		if (!e.code || e.code == E_EXISTS) {
			err_drop(e);
			took++;
			continue;
		}
		/* A store that failed once is not asked again in this run. */
		if (outcome != NULL)
			outcome[i].why = strdup(err_text(e));
		err_keep(&first, e);
	}
	if (took > 0) {
		err_drop(first);
		return OK;
	}
	if (!first.code)
		return err_new(E_UNREACHABLE, "%s: no store takes it", name);
	return first;
}

err
vault_get_any(struct vault *v, const char *name, struct buf *b)
{
	err first = OK;

	for (size_t i = 0; i < v->ncopies; i++) {
		size_t len = b->len;
		err e;

		if (v->copies[i].store == NULL)
			continue;
		e = store_get(v->copies[i].store, name, b);
		if (!e.code) {
			err_drop(first);
			return OK;
		}
		b->len = len;
		err_keep(&first, e);
	}
	return first;
}

err
vault_get_named(struct vault *v, const char *name, const struct digest *id,
                struct buf *b)
{
	err first = OK;
	struct digest d;

	for (size_t i = 0; i < v->ncopies; i++) {
		size_t len = b->len;
		err e;

		if (v->copies[i].store == NULL)
			continue;
		e = store_get(v->copies[i].store, name, b);
		if (!e.code) {
			sha256(b->p + len, b->len - len, &d);
			if (digest_eq(&d, id)) {
				err_drop(first);
				return OK;
			}
			e = err_new(
			    E_CORRUPT,
			    "%s: its bytes do not match its name in store '%s'",
			    name, v->copies[i].config->name);
		}
		b->len = len;
		if (e.code == E_CORRUPT && first.code == E_NOTFOUND) {
			err_drop(first);
			first = OK;
		}
		err_keep(&first, e);
	}
	return first;
}

struct names {
	struct {
		char *name;
		uint64_t size;
		int64_t changed_ns;
	} * v;
	size_t n, cap;
};

static void
names_release(struct names *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].name);
	free(s->v);
}

static err
names_add(const struct store_item *item, void *arg)
{
	struct names *s = arg;
	err e;

	if ((e = mem_grow(&s->v, s->n + 1, &s->cap, sizeof(*s->v))).code)
		return e;
	if ((s->v[s->n].name = strdup(item->name)) == NULL)
		return err_nomem();
	s->v[s->n].size = item->size;
	s->v[s->n++].changed_ns = item->changed_ns;
	return OK;
}

static int
names_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t
open_stores(const struct vault *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->ncopies; i++)
		n += v->copies[i].store != NULL;
	return n;
}

static void
copy_lost(struct vault_copy *c, err e)
{
	free(c->why);
	c->why = strdup(err_text(e));
	err_drop(e);
	store_close(c->store);
	c->store = NULL;
}

err
vault_each_name(struct vault *v, const char *kind,
                err (*fn)(const struct store_item *item, void *arg), void *arg)
{
	AUTO(names_release) struct names s = { 0 };
	err e;

	for (size_t i = 0; i < v->ncopies; i++) {
		size_t n = s.n;

		if (v->copies[i].store == NULL)
			continue;
		e = store_list(v->copies[i].store, kind, names_add, &s);
		if (e.code == E_NOMEM)
			return e;
		if (e.code && open_stores(v) == 1)
			return e;
		if (e.code) {
			/* It went away under us; the others go on. */
			while (s.n > n)
				free(s.v[--s.n].name);
			copy_lost(&v->copies[i], e);
		}
	}
	if (s.n > 0)
		qsort(s.v, s.n, sizeof(*s.v), names_cmp);
	for (size_t i = 0; i < s.n; i++) {
		struct store_item item = { s.v[i].name, s.v[i].size,
			                   s.v[i].changed_ns };

		if (i > 0 && strcmp(s.v[i].name, s.v[i - 1].name) == 0)
			continue;
		if ((e = fn(&item, arg)).code)
			return e;
	}
	return OK;
}

/* --- making --------------------------------------------------------------- */

static err
open_state_dir(const char *path, int *ret)
{
	err e;

	if ((e = fs_mkdirs(AT_FDCWD, path, 0700)).code)
		return e;
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret < 0)
		return err_sys("state directory '%s'", path);
	return OK;
}

static err
put_statement(struct store *s, const struct sign_key *root, unsigned n,
              const struct key_statement *st)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct key_statement here = *st;
	char name[32];
	err e;

	here.number = n;
	(void)snprintf(name, sizeof(name), "keys/%u", n);
	if ((e = statement_encode(root, &here, &b)).code)
		return e;
	return store_put(s, name, b.p, b.len);
}

static void
node_statement(const struct node_keys *k, int64_t now, struct key_statement *st)
{
	*st = (struct key_statement){
		.kind = STATEMENT_NODE,
		.since_ns = now,
		.pub = k->sign.pub,
		.read = k->read_pub,
		.write_only = !k->can_read,
	};
	memcpy(st->name, k->name, sizeof(st->name));
	memcpy(st->node, k->node, ID_LEN);
	memcpy(st->domain, k->domain.id, ID_LEN);
}

/* The first objects of a new vault: descriptor, epoch 0, this node. */
static err
put_first_objects(struct store *s, const struct sign_key *root,
                  const struct node_keys *k, int64_t now)
{
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct key_statement epoch = {
		.kind = STATEMENT_EPOCH,
		.since_ns = now,
		.pub = k->epoch_pub,
	};
	struct key_statement node;
	err e;

	node_statement(k, now, &node);
	if ((e = put_statement(s, root, 0, &epoch)).code ||
	    (e = put_statement(s, root, 1, &node)).code ||
	    (e = descriptor_encode(root, now, &b)).code)
		return e;
	return store_put(s, DESCRIPTOR, b.p, b.len);
}

static err
refuse(const struct store_item *item, void *arg)
{
	(void)arg;
	return err_new(E_EXISTS, "it holds '%s'", item->name);
}

/* Make store ${c}, or empty one that a run which broke off has made. */
static err
make_store(const struct vault_store_config *c, bool again, struct store **ret)
{
	static const char *const kinds[] = { "packs",     "index",
		                             "snapshots", "envelopes",
		                             "pending",   "condemned" };
	AUTO(store_closep) struct store *s = NULL;
	char name[32];
	err e = store_create(c->url, c->name, ret);

	if (e.code != E_EXISTS || !again)
		return e;
	err_drop(e);
	if ((e = store_open(c->url, c->name, &s)).code)
		return e;

	/* Only what init itself puts may be there. */
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if ((e = store_list(s, kinds[i], refuse, NULL)).code)
			return e;
	for (unsigned n = 0; n < 2; n++) {
		(void)snprintf(name, sizeof(name), "keys/%u", n);
		if ((e = store_delete(s, name)).code)
			return e;
	}
	if ((e = store_delete(s, DESCRIPTOR)).code)
		return e;
	*ret = take(s);
	return OK;
}

/* Errors with which a store says no before it has made anything. */
static bool
refused(enum err_code code)
{
	return code == E_EXISTS || code == E_UNSUPPORTED || code == E_INVALID ||
	    code == E_DENIED || code == E_NOTFOUND;
}

err
vault_init(const struct vault_init_opts *o, struct buf *kit)
{
	AUTO(secret_release) struct secret seed = { 0 };
	AUTO(sign_key_release) struct sign_key root = { 0 };
	AUTO(node_keys_release) struct node_keys keys = { 0 };
	AUTO(close_fd) int state_fd = -1;
	uint8_t node[ID_LEN];
	int64_t now = time_now();
	err e;

	/* Nothing that exists is touched. */
	if (o->config->nstores == 0)
		return err_new(E_INVALID,
		               "no store: name one under vault.stores");
	if ((e = open_state_dir(o->state_dir, &state_fd)).code)
		return e;
	if (faccessat(state_fd, "node.key", F_OK, 0) == 0)
		return err_new(E_EXISTS, "'%s' has a node key already",
		               o->state_dir);

	if ((e = crypto_random(seed.b, KEY_LEN)).code ||
	    (e = crypto_random(node, ID_LEN)).code ||
	    (e = root_sign_key(&seed, &root)).code ||
	    (e = node_keys_new(&seed, node, o->node, &keys)).code ||
	    (e = kit_encode(&seed, &root.pub, o->passphrase,
	                    o->config->stores[0].url, now, kit))
	        .code)
		return e;

	/* The kit first, so that no vault is ever without one; then the stores;
	 * the node key last: it marks the vault as made. */
	if (o->keep_kit != NULL && (e = o->keep_kit(o->arg, kit)).code)
		return e;
	for (size_t i = 0; i < o->config->nstores; i++) {
		const struct vault_store_config *c = &o->config->stores[i];
		AUTO(store_closep) struct store *s = NULL;

		e = make_store(c, o->again, &s);
		if (o->begun != NULL)
			*o->begun |= !refused(e.code);
		if (e.code ||
		    (e = put_first_objects(s, &root, &keys, now)).code)
			return err_in(e, "store '%s'", c->name);
	}
	return node_keys_save(&keys, state_fd);
}

/* The node to go on as: the last one of that name, or the only one. */
static err
choose_node(const struct key_statements *st, const char *name,
            const struct key_statement **ret)
{
	const struct key_statement *by_name = NULL, *last = NULL;
	bool several = false;

	for (size_t i = 0; i < st->n; i++) {
		if (st->v[i].kind != STATEMENT_NODE)
			continue;
		several |= last != NULL &&
		    memcmp(last->node, st->v[i].node, ID_LEN) != 0;
		last = &st->v[i];
		if (strcmp(st->v[i].name, name) == 0)
			by_name = last;
	}
	*ret = by_name != NULL ? by_name : last;
	if (*ret == NULL)
		return err_new(E_CORRUPT, "the vault names no node");
	if (by_name == NULL && several)
		return err_new(
		    E_INVALID,
		    "the vault has several nodes and none is called '%s': say "
		    "which with --node",
		    name);
	return OK;
}

err
vault_recover(const char *kit, size_t kit_len, const char *passphrase,
              const char *store_url, const char *state_dir, const char *node)
{
	AUTO(secret_release) struct secret seed = { 0 };
	AUTO(sign_key_release) struct sign_key root = { 0 };
	AUTO(node_keys_release) struct node_keys keys = { 0 };
	AUTO(statements_release) struct key_statements st = { 0 };
	AUTO(store_closep) struct store *s = NULL;
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	AUTO(close_fd) int state_fd = -1;
	const struct key_statement *old;
	struct key_statement mine;
	bool read_only;
	err e;

	/* The kit must fit the store before anything is made. */
	if ((e = kit_decode(kit, kit_len, passphrase, &seed)).code ||
	    (e = root_sign_key(&seed, &root)).code ||
	    (e = store_open(store_url, "recovery", &s)).code ||
	    (e = store_get(s, DESCRIPTOR, &b)).code ||
	    (e = descriptor_check(&root.pub, b.p, b.len, &read_only)).code ||
	    (e = statements_load(s, &root.pub, &st)).code ||
	    (e = choose_node(&st, node, &old)).code)
		return e;

	/* The same node and domain, with a signing key of its own. */
	if ((e = node_keys_new(&seed, old->node, old->name, &keys)).code ||
	    (e = open_state_dir(state_dir, &state_fd)).code)
		return e;
	if (faccessat(state_fd, "node.key", F_OK, 0) == 0)
		return err_new(E_EXISTS, "'%s' has a node key already",
		               state_dir);
	/* Who may only read needs not be enrolled. */
	node_statement(&keys, time_now(), &mine);
	if (!read_only &&
	    (e = put_statement(s, &root, (unsigned)st.n, &mine)).code)
		return e;
	return node_keys_save(&keys, state_fd);
}

/* --- opening -------------------------------------------------------------- */

static err
open_copy(struct vault *v, struct vault_copy *c)
{
	AUTO(store_closep) struct store *s = NULL;
	AUTO(buf_release) struct buf b = BUF_MAX(64 * KiB);
	struct key_statements st = { 0 };
	bool read_only;
	err e;

	if ((e = store_open(c->config->url, c->config->name, &s)).code)
		return e;
	e = store_get(s, DESCRIPTOR, &b);
	if (e.code == E_NOTFOUND) {
		err_drop(e);
		return err_new(E_INVALID, "store '%s' at '%s' holds no vault",
		               c->config->name, c->config->url);
	}
	if (e.code ||
	    (e = descriptor_check(&v->keys.root, b.p, b.len, &read_only))
	        .code ||
	    (e = statements_load(s, &v->keys.root, &st)).code)
		return err_in(e, "store '%s'", c->config->name);

	v->read_only |= read_only;

	/* The longest row of statements is the newest. */
	if (st.n > v->statements.n) {
		statements_release(&v->statements);
		v->statements = st;
	} else {
		statements_release(&st);
	}
	c->store = take(s);
	return OK;
}

static err
open_copies(struct vault *v)
{
	err first = OK, e;
	size_t open = 0;

	if ((e = mem_alloc(v->config->nstores, sizeof(*v->copies), &v->copies))
	        .code)
		return e;
	v->ncopies = v->config->nstores;
	for (size_t i = 0; i < v->ncopies; i++) {
		v->copies[i].config = &v->config->stores[i];
		e = open_copy(v, &v->copies[i]);
		if (!e.code) {
			open++;
			continue;
		}
		v->copies[i].why = strdup(err_text(e));
		err_keep(&first, e);
	}
	if (open == 0)
		return first.code ? first : err_new(E_INVALID, "no store");
	err_drop(first);
	return OK;
}

static err
open_cache(struct vault *v)
{
	if (mkdirat(v->state_fd, CACHE_DIR, 0700) != 0 && errno != EEXIST)
		return err_sys("cache of '%s'", v->state_dir);
	v->cache_fd = openat(v->state_fd, CACHE_DIR,
	                     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return v->cache_fd < 0 ? err_sys("cache of '%s'", v->state_dir) : OK;
}

/* Every index object that is in use is an open file. */
static void
raise_descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0 || rl.rlim_cur >= DESCRIPTORS)
		return;
	rl.rlim_cur = MIN(rl.rlim_max, (rlim_t)DESCRIPTORS);
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

err
vault_open(const char *state_dir, const struct vault_config *config,
           struct vault **ret)
{
	AUTO(vault_closep) struct vault *v = NULL;
	err e;

	if ((e = mem_alloc(1, sizeof(*v), &v)).code)
		return e;
	v->config = config;
	v->state_fd = v->cache_fd = -1;
	if ((e = mem_dup(state_dir, strlen(state_dir), &v->state_dir)).code)
		return e;
	v->state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->state_fd < 0)
		return err_new(
		    E_NOTFOUND,
		    "'%s' is no state directory: casemate init makes one",
		    state_dir);
	if ((e = node_keys_load(v->state_fd, &v->keys)).code ||
	    (e = open_copies(v)).code || (e = open_cache(v)).code)
		return e;

	/* Without the finder files are cut as streams: safe, only larger. */
	err_drop(cutter_start(&v->cutter));
	raise_descriptors();
	*ret = take(v);
	return OK;
}

void
vault_close(struct vault *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->ncopies; i++) {
		store_close(v->copies[i].store);
		free(v->copies[i].why);
	}
	free(v->copies);
	index_set_release(&v->index);
	packtab_release(&v->packs);
	packset_release(&v->index_names);
	statements_release(&v->statements);
	reader_cache_free(v->reader);
	cutter_stop(v->cutter);
	node_keys_release(&v->keys);
	close_fd(&v->state_fd);
	close_fd(&v->cache_fd);
	free(v->state_dir);
	free(v);
}

void
vault_closep(struct vault **v)
{
	vault_close(*v);
}

const char *
vault_store_state(const struct vault *v, size_t i)
{
	return v->copies[i].why;
}

err
vault_key_list(struct vault *v,
               err (*fn)(const struct vault_key_info *k, void *arg), void *arg)
{
	struct vault_key_info info = { .kind = "root", .name = "root" };
	char number[16];
	err e;

	sign_key_id(&v->keys.root, &info.id);
	if ((e = fn(&info, arg)).code)
		return e;
	for (size_t i = 0; i < v->statements.n; i++) {
		const struct key_statement *st = &v->statements.v[i];

		info = (struct vault_key_info){ .since_ns = st->since_ns };
		if (st->kind == STATEMENT_EPOCH) {
			(void)snprintf(number, sizeof(number), "%u", st->epoch);
			info.kind = "epoch";
			info.name = number;
			sha256(st->pub.b, KEY_LEN, &info.id);
		} else if (st->kind == STATEMENT_OTHER) {
			(void)snprintf(number, sizeof(number), "%u",
			               st->number);
			info.kind = "unknown";
			info.name = number;
		} else {
			info.kind = "node";
			info.name = st->name;
			info.id = st->id;
			info.write_only = st->write_only;
			info.mine = digest_eq(&st->id, &v->keys.sign.id);
		}
		if ((e = fn(&info, arg)).code)
			return e;
	}
	return OK;
}
