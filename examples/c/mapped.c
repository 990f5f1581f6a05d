/* Opens weights that lie beside the program, by mapping their file: ./mapped build/Digits.weights */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "Digits.h"

Digits_ALIGNED static unsigned char workspace[Digits_WORKSPACE_SIZE(1)];

int main(int n_arguments, char **arguments) {
    int file = n_arguments == 2 ? open(arguments[1], O_RDONLY) : -1;
    struct stat about;
    if (file < 0 || fstat(file, &about) != 0 || about.st_size == 0) {
        fprintf(stderr, "usage: mapped FILE.weights\n");
        return 2;
    }
    size_t size = (size_t)about.st_size;
    void *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (image == MAP_FAILED) return 2;

    /* A damaged file, or another net's, is an error here and not a crash later. */
    Digits_weights weights;
    int status = Digits_weights_open(image, size, &weights);
    float picture[Digits_IN_image_ELEMENTS] = {0}, logits[Digits_OUT_logits_ELEMENTS];
    if (status == Digits_OK) status = Digits_forward(&weights, picture, logits, 1, workspace);
    if (status == Digits_OK) printf("the first logit of a grey picture: %.9g\n", (double)logits[0]);
    else fprintf(stderr, "mapped: %s\n", Digits_status_text(status));
    munmap(image, size);
    return status == Digits_OK ? 0 : 1;
}
