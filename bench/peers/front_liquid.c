/* Peer of bench.receive_front: liquid-dsp from uint8 to the multiplex of one station.
 *
 *   front_liquid FILE.u8 REPEATS OFFSET_HZ RATE_HZ
 *
 * Table conversion, NCO mix-down, decimating FIR by 10 of 81 taps, frequency demodulator: the blocks
 * that liquid's own FM example uses. Prints CPU seconds.
 */
#include <complex.h>
#include <liquid/liquid.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PIECE 24000

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    FILE *file = fopen(argv[1], "rb");
    if (!file) return 2;
    int repeats = atoi(argv[2]);
    float table[256], offset = atof(argv[3]), rate = atof(argv[4]), total = 0;
    for (int i = 0; i < 256; i++) table[i] = (i - 127.5f) / 127.5f;
    nco_crcf nco = nco_crcf_create(LIQUID_VCO);
    nco_crcf_set_frequency(nco, 6.2831853f * offset / rate);
    firdecim_crcf decimator = firdecim_crcf_create_kaiser(10, 4, 60.0f);
    freqdem demodulator = freqdem_create(0.2f);
    static unsigned char bytes[2 * PIECE];
    static float complex mixed[PIECE], channel[PIECE / 10];
    static float out[PIECE / 10];
    clock_t began = clock();
    for (int r = 0; r < repeats; r++) {
        rewind(file);
        while (fread(bytes, 2, PIECE, file) == PIECE) {
            for (int i = 0; i < PIECE; i++)
                mixed[i] = table[bytes[2 * i]] + _Complex_I * table[bytes[2 * i + 1]];
            nco_crcf_mix_block_down(nco, mixed, mixed, PIECE);
            firdecim_crcf_execute_block(decimator, mixed, PIECE / 10, channel);
            freqdem_demodulate_block(demodulator, channel, PIECE / 10, out);
            total += out[7];
        }
    }
    fprintf(stderr, "%g\n", total);
    printf("%.4f\n", (double)(clock() - began) / CLOCKS_PER_SEC);
    return 0;
}
