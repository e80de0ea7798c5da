/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Weights as a training run leaves them.  Each line of standard input asks for
 * one tensor, whose bytes go to standard output:
 *
 *   DTYPE COUNT SEED MEAN SIGMA [SEED2 SIGMA2 [KEEP]]
 *
 * DTYPE is f32, bf16 or sq32 (float32 squares: second moments).  The second
 * seed adds an update of that size to the same weights, which leaves a share
 * KEEP of the elements as they were.  The same line gives the same bytes on
 * every machine that rounds as IEEE 754 says.
 */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PIECE 16384

struct rng {
	uint64_t s;
};

/* splitmix64. */
static uint64_t
rng_next(struct rng *r)
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Two normal deviates, by the polar method: only +, *, / , log and sqrt. */
static void
rng_normal(struct rng *r, float *a, float *b)
{
	double u, v, s;

	do {
		uint64_t x = rng_next(r);

		u = (double)(int32_t)(x >> 32) / 2147483648.0;
		v = (double)(int32_t)x / 2147483648.0;
		s = u * u + v * v;
	} while (s >= 1 || s <= 0);
	s = sqrt(-2 * log(s) / s);
	*a = (float)(u * s);
	*b = (float)(v * s);
}

static uint16_t
bf16(float f)
{
	uint32_t x;

	memcpy(&x, &f, sizeof(x));
	return (uint16_t)((x + 0x7fff + (x >> 16 & 1)) >> 16);
}

struct order {
	char type[8];
	uint64_t count, seed, seed2;
	double mean, sigma, sigma2, keep;
};

static void
fill(const struct order *o, struct rng *base, struct rng *update, float *w,
     size_t n)
{
	float d[2];

	for (size_t i = 0; i < n; i += 2) {
		rng_normal(base, &w[i], &w[i + 1]);
		for (size_t k = i; k < i + 2; k++)
			w[k] = (float)(o->mean + o->sigma * (double)w[k]);
		if (o->sigma2 <= 0)
			continue;
		rng_normal(update, &d[0], &d[1]);
		for (size_t k = i; k < i + 2; k++)
			if (o->keep <= 0 ||
			    (double)(rng_next(update) >> 11) / 0x1p53 >=
			        o->keep)
				w[k] += (float)o->sigma2 * d[k - i];
	}
}

static int
tensor(const struct order *o)
{
	static float w[PIECE];
	static uint16_t h[PIECE];
	struct rng base = { o->seed }, update = { o->seed2 };

	for (uint64_t done = 0; done < o->count; done += PIECE) {
		uint64_t left = o->count - done;
		size_t n = left < PIECE ? (size_t)left : PIECE;
		size_t size = sizeof(*w);
		const void *p = w;

		fill(o, &base, &update, w, n);
		if (strcmp(o->type, "sq32") == 0)
			for (size_t i = 0; i < n; i++)
				w[i] *= w[i];
		if (strcmp(o->type, "bf16") == 0) {
			for (size_t i = 0; i < n; i++)
				h[i] = bf16(w[i]);
			p = h;
			size = sizeof(*h);
		}
		if (fwrite(p, size, n, stdout) != n)
			return -1;
	}
	return fflush(stdout);
}

int
main(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct order o = { 0 };

		if (sscanf(line, "%7s %lu %lu %lf %lf %lu %lf %lf", o.type,
		           &o.count, &o.seed, &o.mean, &o.sigma, &o.seed2,
		           &o.sigma2, &o.keep) < 5) {
			(void)fprintf(stderr, "gen: what is this? %s", line);
			return 2;
		}
		if (tensor(&o) != 0)
			return 1;
	}
	return 0;
}
