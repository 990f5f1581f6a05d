/* Classifies a picture of a digit: ./digit digits/7.pgm prints the class, then each logit. */
#include <stdio.h>

#include "Digits.h"

/* All memory that the net needs for one picture. */
Digits_ALIGNED static unsigned char workspace[Digits_WORKSPACE_SIZE(1)];

/* Reads a plain PGM of 8 by 8 pixels, and normalises it as the net's source says. */
static int read_picture(const char *path, float *pixels) {
    int width, height, white, pixel, n = 0;
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "P2 %d %d %d", &width, &height, &white) == 3 && width == 8 && height == 8 && white == 255)
        while (n < Digits_IN_image_ELEMENTS && fscanf(file, "%d", &pixel) == 1)
            pixels[n++] = ((float)pixel / 255.0f - 0.305f) / 0.376f;
    fclose(file);
    return n == Digits_IN_image_ELEMENTS;
}

int main(int n_arguments, char **arguments) {
    float image[Digits_IN_image_ELEMENTS], logits[Digits_OUT_logits_ELEMENTS];
    if (n_arguments != 2 || !read_picture(arguments[1], image)) {
        fprintf(stderr, "usage: digit FILE.pgm, a plain PGM of 8 by 8 pixels\n");
        return 2;
    }
    Digits_weights weights;
    int status = Digits_weights_embedded(&weights), best = 0;
    if (status == Digits_OK) status = Digits_forward(&weights, image, logits, 1, workspace);
    if (status != Digits_OK) {
        fprintf(stderr, "digit: %s\n", Digits_status_text(status));
        return 1;
    }
    for (int i = 1; i < Digits_OUT_logits_ELEMENTS; i++)
        if (logits[i] > logits[best]) best = i;
    printf("%d\n", best);
    for (int i = 0; i < Digits_OUT_logits_ELEMENTS; i++) printf("%d: %.9g\n", i, (double)logits[i]);
    return 0;
}
