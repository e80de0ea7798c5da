/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One batch of files: see what exists, fetch what is wanted, give finished
 * files their names.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/restore.h"

void
restore_problem(struct restore *r, const char *path, err why)
{
	vault_add_problem(&r->report->problems, path, strlen(path), why);
}

void
restore_plan(struct restore *r, const char *path, const char *what)
{
	if (r->opts->plan_only)
		vault_add_problem(&r->report->plan, path, strlen(path),
		                  err_new(E_OK, "%s", what));
}

static void
count(struct restore *r, const struct rfile *f)
{
	r->report->files++;
	r->report->bytes += f->meta.size;
	if (r->opts->progress != NULL)
		atomic_fetch_add(&r->opts->progress->items, 1);
}

/* What exists: equal, in the way, or to be replaced. */
static void
settle_existing(struct restore *r)
{
	struct batch *b = &r->batch;

	for (size_t i = 0; i < b->nfiles; i++) {
		struct rfile *f = &b->files[i];

		if (!f->exists || f->failed)
			continue;
		if (f->skip) {
			r->report->equal++;
			continue;
		}
		if (r->opts->mode == RESTORE_ABSENT) {
			f->skip = true;
			r->report->conflicts++;
			vault_add_problem(&r->report->plan, f->path,
			                  strlen(f->path),
			                  err_new(E_OK, "differs, left alone"));
		} else {
			restore_plan(r, f->path, "replace");
		}
	}
}

/* Wants of files that need nothing are dropped. */
static void
drop_wants(struct batch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->nwants; i++) {
		const struct rfile *f = &b->files[b->wants[i].file];

		if (!f->skip && !f->failed)
			b->wants[n++] = b->wants[i];
	}
	b->nwants = n;
}

/* Make the files that several pieces, or none, will go into. */
static void
make_files(struct restore *r)
{
	struct batch *b = &r->batch;

	for (size_t i = 0; i < b->nfiles; i++) {
		struct rfile *f = &b->files[i];
		const char *name = f->temp != NULL ? f->temp : f->name;
		int fd;

		if (f->skip || f->failed)
			continue;
		if (f->temp != NULL)
			(void)unlinkat(f->dir->fd, f->temp, 0);
		if (f->pieces == 1)
			continue;
		fd = openat(
		    f->dir->fd, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0) {
			rfile_refused(r, f, err_sys("cannot be made"));
			continue;
		}
		(void)close(fd);
		if (f->pieces == 0)
			rfile_finish(r, f);
	}
}

/* Give a finished file its name. */
static err
publish(struct restore *r, struct rfile *f)
{
	err e;

	if (f->temp == NULL)
		return OK;
	if (f->exists && r->opts->mode == RESTORE_NEW) {
		/* Of an interrupted run, in a place that nobody sees. */
		if (renameat(f->dir->fd, f->temp, f->dir->fd, f->name) != 0)
			return err_sys("cannot be named");
		return OK;
	}
	if (f->exists) {
		struct stat st;
		bool is_file = fstatat(f->dir->fd, f->name, &st,
		                       AT_SYMLINK_NOFOLLOW) == 0 &&
		    !S_ISDIR(st.st_mode);

		if ((e = restore_displace(r, f->dir->fd, f->name, f->path,
		                          is_file))
		        .code)
			return e;
		if (renameat(f->dir->fd, f->temp, f->dir->fd, f->name) != 0)
			return err_sys("cannot be replaced");
		return OK;
	}
	if (renameat2(f->dir->fd, f->temp, f->dir->fd, f->name,
	              RENAME_NOREPLACE) == 0)
		return OK;
	if (errno == EEXIST)
		return err_new(E_EXISTS, "appeared meanwhile, left alone");
	return err_sys("cannot be named");
}

static void
finish_files(struct restore *r)
{
	struct batch *b = &r->batch;

	for (size_t i = 0; i < b->nfiles; i++) {
		struct rfile *f = &b->files[i];
		err e;

		if (!f->failed && !f->skip && (e = publish(r, f)).code)
			rfile_refused(r, f, e);
		if (f->failed) {
			/* No half file stays behind. */
			if (!f->skip)
				(void)unlinkat(
				    f->dir->fd,
				    f->temp != NULL ? f->temp : f->name, 0);
			restore_problem(r, f->path, take_struct(f->error));
		} else if (!f->skip) {
			count(r, f);
		}
	}
}

err
restore_flush(struct restore *r)
{
	bool replaces = false;
	err e = OK;

	if (!r->fresh &&
	    (e = restore_compare(
		 r, r->opts->mode == RESTORE_IN_PLACE && !r->opts->plan_only))
	        .code)
		return e;
	settle_existing(r);
	drop_wants(&r->batch);
	if (r->opts->plan_only) {
		for (size_t i = 0; i < r->batch.nfiles; i++)
			if (!r->batch.files[i].exists)
				restore_plan(r, r->batch.files[i].path,
				             "restore");
	} else {
		make_files(r);
		if ((e = restore_fetch(r)).code)
			return e;
		for (size_t i = 0; i < r->batch.nfiles; i++)
			replaces |= r->batch.files[i].exists &&
			    !r->batch.files[i].skip;
		/* New content is durable before old content loses its name. */
		if (replaces && syncfs(r->target) != 0)
			return err_sys("sync");
		finish_files(r);
	}
	batch_clear(&r->batch);
	r->open_dirs = 0;
	return OK;
}
