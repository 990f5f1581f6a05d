/* Runs the net `net` on one input of raw floats from the standard input; writes the outputs of its first output port. */
#include <stdio.h>
#include <stdlib.h>

#include "net.h"

int main(void) {
    const struct net_description *about = net_info();
    size_t image = about->inputs[0].elements, answer = about->outputs[0].elements;
    float *input = malloc(image * sizeof *input), *output = malloc(answer * sizeof *output);
    void *workspace = aligned_alloc(net_ALIGNMENT, net_workspace_size(1));
    net_weights weights;
    if (!input || !output || !workspace || fread(input, sizeof *input, image, stdin) != image) return 2;
    int status = net_weights_embedded(&weights);
    if (status == net_OK) status = net_forward(&weights, input, output, 1, workspace);
    if (status != net_OK) {
        fprintf(stderr, "%s\n", net_status_text(status));
        return 1;
    }
    fwrite(output, sizeof *output, answer, stdout);
    free(input);
    free(output);
    free(workspace);
    return 0;
}
