/* The k largest of each row of a matrix that comes in blocks of columns, in one pass over it; see native.py.
 *
 * Values over a row's threshold are kept; when they are many, the k largest stay and the threshold rises to
 * the smallest of them. The first block's threshold is guessed from a sample, so that about 2 k of its values
 * exceed it; where fewer than k do, the block is read again without one.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define AHEAD 256 /* values: how far memory is asked for in advance */
#define LANES 128 /* maxima of a sample, one of each lane: the largest of them are the sample's largest */

typedef uint64_t Key; /* a value and, below it, its place, turned round: of equals the first is larger */

static inline Key key(float value, uint32_t place) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (Key)bits << 32 | (uint32_t)~place;
}

static inline float value_of(Key k) {
    uint32_t bits = (uint32_t)(k >> 32);
    bits = bits & 0x80000000u ? bits & 0x7fffffffu : ~bits;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/* Move the k largest of n keys, all different, to the front, in no order. */
static void select_largest(Key *x, int64_t n, int64_t k) {
    int64_t low = 0, high = n; /* the boundary lies in x[low:high] */
    while (high - low > 1 && k > low && k < high) {
        Key a = x[low], b = x[low + (high - low) / 2], c = x[high - 1];
        int64_t at = a > b ? (b > c ? low + (high - low) / 2 : (a > c ? high - 1 : low))
                           : (a > c ? low : (b > c ? high - 1 : low + (high - low) / 2));
        Key pivot = x[at];
        x[at] = x[high - 1];
        x[high - 1] = pivot;
        int64_t larger = low;
        for (int64_t i = low; i < high - 1; i++) { /* without a branch: half of them would be guessed wrong */
            Key t = x[i];
            x[i] = x[larger];
            x[larger] = t;
            larger += t > pivot;
        }
        x[high - 1] = x[larger];
        x[larger] = pivot;
        if (k <= larger) high = larger;
        else low = larger + 1;
    }
}

/* Sort n keys, the largest first; `room` holds as many. */
static void sort(Key *x, int64_t n, Key *room) {
    const int64_t run = 4;
    for (int64_t s = 0; s < n; s += run)
        for (int64_t i = s + 1; i < n && i < s + run; i++) {
            Key t = x[i];
            int64_t j = i;
            for (; j > s && x[j - 1] < t; j--) x[j] = x[j - 1];
            x[j] = t;
        }
    Key *from = x, *to = room;
    for (int64_t w = run; w < n; w *= 2) {
        for (int64_t s = 0; s < n; s += 2 * w) {
            int64_t middle = s + w < n ? s + w : n, end = s + 2 * w < n ? s + 2 * w : n;
            int64_t i = s, j = middle, o = s;
            while (i < middle && j < end) {
                int left = from[i] > from[j];
                to[o++] = left ? from[i] : from[j];
                i += left;
                j += !left;
            }
            while (i < middle) to[o++] = from[i++];
            while (j < end) to[o++] = from[j++];
        }
        Key *t = from;
        from = to;
        to = t;
    }
    if (from != x) memcpy(x, from, sizeof(Key) * n);
}

/* A threshold that about `wanted` of n values exceed, from a sample; minus infinity if unsure. */
static float guess(const float *x, int64_t n, int64_t wanted) {
    float top[LANES];
    int64_t runs = n / LANES, used = 10 * n / (wanted * LANES) + 1; /* the sample's tenth is sought */
    if (runs < used) return -INFINITY;
    int64_t rank = wanted * used * LANES / n + 1;
    if (rank > LANES / 6) return -INFINITY;
    for (int j = 0; j < LANES; j++) top[j] = -INFINITY;
    for (int64_t r = 0; r < used; r++) {
        const float *from = x + r * runs / used * LANES;
        for (int j = 0; j < LANES; j++) top[j] = from[j] > top[j] ? from[j] : top[j];
    }
    int best = 0;
    for (int64_t i = 0; i < rank; i++) {
        if (i) top[best] = -INFINITY;
        for (int j = best = 0; j < LANES; j++)
            if (top[j] > top[best]) best = j;
    }
    return top[best];
}

/* Keep the k largest, and no more than that many; returns the smallest of them as the new threshold. */
static float thin(Key *kept, int64_t count, int64_t k) {
    select_largest(kept, count, k);
    Key smallest = kept[0];
    for (int64_t j = 1; j < k; j++) smallest = kept[j] < smallest ? kept[j] : smallest;
    return value_of(smallest);
}

#ifdef __AVX512F__
/* Append the keys of those of 16 values from place `at` on that are marked; room for 16. Returns how many. */
static inline int append(__m512 values, int64_t at, __mmask16 marked, Key *end) {
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i front = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    const __m512i back = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    __m512i bits = _mm512_castps_si512(values), top = _mm512_set1_epi32((int)0x80000000u);
    bits = _mm512_xor_si512(bits, _mm512_or_si512(_mm512_srai_epi32(bits, 31), top));
    bits = _mm512_maskz_compress_epi32(marked, bits);
    __m512i place = _mm512_sub_epi32(_mm512_set1_epi32((int)~(uint32_t)at), lane);
    place = _mm512_maskz_compress_epi32(marked, place);
    __m512i low = _mm512_unpacklo_epi32(place, bits), high = _mm512_unpackhi_epi32(place, bits);
    _mm512_storeu_si512(end, _mm512_permutex2var_epi64(low, front, high));
    _mm512_storeu_si512(end + 8, _mm512_permutex2var_epi64(low, back, high));
    return __builtin_popcount(marked);
}
#endif

/* Keep what exceeds the threshold, of n values from place `first` on, beside `count` keys that are kept;
 * returns how many there are then. `room` keys fit, at least k + 16. */
static int64_t scan(const float *x, int64_t n, int64_t first, int64_t k, float *threshold, Key *kept,
                    int64_t count, int64_t room) {
    int64_t i = 0;
#ifdef __AVX512F__
    for (; i + 16 <= n; i += 16) {
        _mm_prefetch((const char *)(x + i + AHEAD), _MM_HINT_T0);
        __m512 values = _mm512_loadu_ps(x + i);
        __mmask16 over = _mm512_cmp_ps_mask(values, _mm512_set1_ps(*threshold), _CMP_GT_OQ);
        if (!over) continue;
        count += append(values, first + i, over, kept + count);
        if (count + 16 > room) {
            *threshold = thin(kept, count, k);
            count = k;
        }
    }
#endif
    for (; i < n; i++) {
        if (!(x[i] > *threshold)) continue;
        kept[count++] = key(x[i], (uint32_t)(first + i));
        if (count == room) {
            *threshold = thin(kept, count, k);
            count = k;
        }
    }
    return count;
}

/* A block of columns: x is rows x n, its first column is number `first`. For each row, kept: `room` keys, at
 * least k + 16; counts: how many of them are used, 0 at the start; thresholds: minus infinity at the start. */
void ssllib_keep(const float *x, int64_t rows, int64_t n, int64_t first, int64_t k, int64_t room, Key *kept,
                 int64_t *counts, float *thresholds) {
    for (int64_t r = 0; r < rows; r++, x += n, kept += room) {
        if (!counts[r]) {
            thresholds[r] = guess(x, n, 2 * k);
            counts[r] = scan(x, n, first, k, thresholds + r, kept, 0, room);
            if (counts[r] < k) {
                thresholds[r] = -INFINITY;
                counts[r] = scan(x, n, first, k, thresholds + r, kept, 0, room);
            }
        } else {
            counts[r] = scan(x, n, first, k, thresholds + r, kept, counts[r], room);
        }
        if (counts[r] > 2 * k) {
            thresholds[r] = thin(kept, counts[r], k);
            counts[r] = k;
        }
    }
}

/* values, places: rows x k, the largest first, of equals the first; kept and counts from the blocks.
 * Returns 0, or 1 if a row has fewer than k numbers over minus infinity. */
int ssllib_largest(int64_t rows, int64_t k, int64_t room, Key *kept, const int64_t *counts, float *values,
                   int64_t *places) {
    for (int64_t r = 0; r < rows; r++, kept += room, values += k, places += k) {
        if (counts[r] < k) return 1;
        select_largest(kept, counts[r], k);
        sort(kept, k, kept + k);
        for (int64_t i = 0; i < k; i++) {
            values[i] = value_of(kept[i]);
            places[i] = (uint32_t)~kept[i];
        }
    }
    return 0;
}
