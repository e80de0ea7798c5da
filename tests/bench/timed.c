/* SPDX-License-Identifier: Apache-2.0 */

/*
 * timed FILE MIB COMMAND...: run a command and write to FILE, as JSON, what it
 * took: wall time, CPU time with that of all processes it waited for, and the
 * peak of resident memory of its largest process.  A program of its own, since
 * a process inherits the peak of whoever forked it, and this one is small.  The
 * exit status is that of the command.
 *
 * Before that, MIB mebibytes are written to a file beside FILE that is dropped
 * again, unsynced.  A virtual machine may give free memory back to its host,
 * and then the first who fills a page pays for getting it again, up to two and
 * a half seconds a GiB: by chance, and whoever it is.  Memory that was just
 * freed is used next, so now it is nobody's cost.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Have the kernel use ${mib} mebibytes for the page cache, and let go of them.
 */
static void
prime(const char *beside, unsigned long mib)
{
	static char piece[4 << 20];
	char path[4096];
	int fd;

	(void)snprintf(path, sizeof(path), "%s.prime", beside);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return;
	(void)unlink(path);
	for (unsigned long i = 0; i < mib; i += 4)
		if (write(fd, piece, sizeof(piece)) < 0)
			break;
	(void)close(fd);
}

/* CPU time that the whole machine has been busy. */
static double
busy(void)
{
	unsigned long v[8] = { 0 };
	FILE *f = fopen("/proc/stat", "r");

	if (f == NULL)
		return 0;
	if (fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &v[0], &v[1],
	           &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		v[0] = 0;
	(void)fclose(f);
	return (double)(v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) /
	    (double)sysconf(_SC_CLK_TCK);
}

int
main(int argc, char **argv)
{
	struct timespec a, b;
	struct rusage u;
	double used;
	int status;
	pid_t pid;
	FILE *f;

	if (argc < 4)
		return 2;
	prime(argv[1], strtoul(argv[2], NULL, 10));
	used = busy();
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	if ((pid = fork()) == 0) {
		(void)execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) != pid)
		return 126;
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	used = busy() - used;
	if ((f = fopen(argv[1], "w")) == NULL)
		return 126;
	(void)fprintf(
	    f,
	    "{\"wall_s\": %.6f, \"user_s\": %.6f, \"system_s\": %.6f, "
	    "\"peak_bytes\": %ld, \"major_faults\": %ld, "
	    "\"read_blocks\": %ld, \"written_blocks\": %ld, "
	    "\"switches\": %ld, \"busy_s\": %.2f}\n",
	    (double)(b.tv_sec - a.tv_sec) +
		(double)(b.tv_nsec - a.tv_nsec) / 1e9,
	    seconds(u.ru_utime), seconds(u.ru_stime), u.ru_maxrss * 1024,
	    u.ru_majflt, u.ru_inblock, u.ru_oublock, u.ru_nvcsw + u.ru_nivcsw,
	    used);
	if (fclose(f) != 0)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
