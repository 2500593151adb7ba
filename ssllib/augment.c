/* One random view of each image, an image at a time in the processor's first cache; see native.py.
 *
 * The operations are those of augment.py, in its order: crop with flip (bilinear, pixel centres), brightness,
 * contrast, saturation and hue as ordered, grayscale. An operation that would change nothing is left out.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RED 0.2989f
#define GREEN 0.587f
#define BLUE 0.114f

static inline float unit(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

/* Where each of `side` pixels lies in a crop from `first` on: the pixel before, the one after, the share. */
static void taps(float first, float length, int side, int flip, int32_t *before, int32_t *after,
                 float *share) {
    for (int j = 0; j < side; j++) {
        float x = ((flip ? side - 1 - j : j) + 0.5f) * (length / side) - 0.5f;
        x = x < 0 ? 0 : x > length - 1 ? length - 1 : x;
        int k = (int)x;
        before[j] = (int)first + k;
        after[j] = (int)first + (k + 1 < (int)length ? k + 1 : k);
        share[j] = x - k;
    }
}

/* The image's crop, as floats in [0, 1]: planes of red, green and blue, one after the other. */
static void crop(const uint8_t *image, int h, int w, int sh, int sw, const int32_t *y0, const int32_t *y1,
                 const float *fy, const int32_t *x0, const int32_t *x1, const float *fx, float *row,
                 float *out) {
    for (int c = 0; c < 3; c++) {
        const uint8_t *plane = image + (size_t)c * h * w;
        for (int i = 0; i < sh; i++) {
            const uint8_t *up = plane + (size_t)y0[i] * w, *down = plane + (size_t)y1[i] * w;
            float lower = fy[i] / 255, upper = (1 - fy[i]) / 255;
            for (int x = 0; x < w; x++) row[x] = upper * up[x] + lower * down[x];
            for (int j = 0; j < sw; j++) out[j] = row[x0[j]] + (row[x1[j]] - row[x0[j]]) * fx[j];
            out += sw;
        }
    }
}

static void brighten(float *restrict x, int m, float f) {
    for (int i = 0; i < 3 * m; i++) x[i] = unit(x[i] * f);
}

static void contrast(float *restrict x, int m, float f) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < m; i++) sum += RED * x[i] + GREEN * x[m + i] + BLUE * x[2 * m + i];
    float rest = (1 - f) * (sum / m);
    for (int i = 0; i < 3 * m; i++) x[i] = unit(x[i] * f + rest);
}

static void saturate(float *restrict x, int m, float f) {
    float *restrict g = x + m, *restrict b = x + 2 * m;
    for (int i = 0; i < m; i++) {
        float rest = (1 - f) * (RED * x[i] + GREEN * g[i] + BLUE * b[i]);
        x[i] = unit(x[i] * f + rest);
        g[i] = unit(g[i] * f + rest);
        b[i] = unit(b[i] * f + rest);
    }
}

/* Value minus chroma times this is a channel of HSV; `turn` is its hue in turns, moved by 5/6, 3/6 or 1/6. */
static inline float away(float turn) {
    float k = 6 * (turn - floorf(turn));
    return unit(k < 4 - k ? k : 4 - k);
}

static void turn_hue(float *restrict x, int m, float shift) {
    float *restrict green = x + m, *restrict blue = x + 2 * m;
    for (int i = 0; i < m; i++) {
        float r = x[i], g = green[i], b = blue[i];
        float high = g > b ? g : b, low = g > b ? b : g;
        float value = r > high ? r : high, least = r < low ? r : low, chroma = value - least;
        /* From red by way of green or blue to cyan, 0 to 3 sixths, without a case for each. */
        float sixths = (high - r + low - least + chroma) / (chroma > 0 ? chroma : 1);
        float turn = (g < b ? -sixths : sixths) * (1.0f / 6) + shift;
        x[i] = value - chroma * away(turn + 5.0f / 6);
        green[i] = value - chroma * away(turn + 3.0f / 6);
        blue[i] = value - chroma * away(turn + 1.0f / 6);
    }
}

static void decolour(float *restrict x, int m) {
    for (int i = 0; i < m; i++)
        x[i] = x[m + i] = x[2 * m + i] = RED * x[i] + GREEN * x[m + i] + BLUE * x[2 * m + i];
}

/* To bfloat16, the nearest (of two, the even one). */
static inline uint16_t rounded(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static void store_half(const float *restrict x, int m, uint16_t *restrict out) {
    for (int i = 0; i < m; i++)
        for (int c = 0; c < 3; c++) out[3 * i + c] = rounded(x[c * m + i]);
}

static void store(const float *restrict x, int m, float *restrict out) {
    for (int i = 0; i < m; i++)
        for (int c = 0; c < 3; c++) out[3 * i + c] = x[c * m + i];
}

/* images: n x 3 x h x w bytes. drawn: 8 rows of n (the crop's top, left, height, width; brightness,
 * contrast, saturation, hue). chosen: 2 rows of n (flip, gray). order: of the four colour operations.
 * out: n x sh x sw x 3, bfloat16 if `half`, else float32. Returns 0, or 1 without memory. */
int ssllib_views(const uint8_t *images, int n, int h, int w, int sh, int sw, const float *drawn,
                 const uint8_t *chosen, const int64_t *order, int half, void *out) {
    int m = sh * sw;
    float *x = malloc(sizeof(float) * ((size_t)3 * m + w + sh + sw));
    int32_t *at = malloc(sizeof(int32_t) * 2 * ((size_t)sh + sw));
    if (!x || !at) {
        free(x);
        free(at);
        return 1;
    }
    float *row = x + 3 * m, *fy = row + w, *fx = fy + sh;
    int32_t *y0 = at, *y1 = y0 + sh, *x0 = y1 + sh, *x1 = x0 + sw;
    for (int i = 0; i < n; i++) {
        const float *d = drawn + i;
        taps(d[0], d[2 * n], sh, 0, y0, y1, fy);
        taps(d[n], d[3 * n], sw, chosen[i], x0, x1, fx);
        crop(images + (size_t)i * 3 * h * w, h, w, sh, sw, y0, y1, fy, x0, x1, fx, row, x);
        for (int k = 0; k < 4; k++) {
            float f = d[(4 + order[k]) * n];
            if (order[k] == 0 && f != 1) brighten(x, m, f);
            if (order[k] == 1 && f != 1) contrast(x, m, f);
            if (order[k] == 2 && f != 1) saturate(x, m, f);
            if (order[k] == 3 && f != 0) turn_hue(x, m, f);
        }
        if (chosen[n + i]) decolour(x, m);
        if (half) store_half(x, m, (uint16_t *)out + (size_t)i * 3 * m);
        else store(x, m, (float *)out + (size_t)i * 3 * m);
    }
    free(x);
    free(at);
    return 0;
}
