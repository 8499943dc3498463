/* Peer of bench.receive_band: liquid-dsp from uint8 to mono audio, of one or eight stations.
 *
 *   receive_liquid FILE.cu8 RATE_HZ OFFSET_HZ [OFFSET_HZ …]
 *
 * One station: NCO mix-down, decimating FIR to 240 kHz, frequency demodulator, decimating FIR to
 * 48 kHz, de-emphasis of 50 µs. Several: liquid's oversampled filter bank of twelve channels at
 * 400 kHz, and from there each to 50 kHz. The bank's channels lie on a raster of 200 kHz: stations
 * beside it are heard off-centre, which costs the same. liquid has no stereo decoder, no RDS.
 */
#include <complex.h>
#include <liquid/liquid.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECE 24000
#define CHANNELS 12
#define MOST 16

typedef struct {
    freqdem demodulator;
    firdecim_rrrf decimator;
    iirfilt_rrrf emphasis;
    unsigned int by;
    float complex channel[PIECE / 6];
    float deviation[PIECE / 6], audio[PIECE / 6];
} Ear;

static void open_ear(Ear *own, float rate_hz, unsigned int by) {
    float share = 1.0f - expf(-(float)by / (rate_hz * 50e-6f));
    float b[1] = {share}, a[2] = {1.0f, share - 1.0f};
    own->demodulator = freqdem_create(75000.0f / rate_hz);
    own->decimator = firdecim_rrrf_create_kaiser(by, 6, 60.0f);
    own->emphasis = iirfilt_rrrf_create(b, 1, a, 2);
    own->by = by;
}

static float hear(Ear *own, unsigned int count) {
    unsigned int frames = count / own->by;
    freqdem_demodulate_block(own->demodulator, own->channel, count, own->deviation);
    firdecim_rrrf_execute_block(own->decimator, own->deviation, frames, own->audio);
    iirfilt_rrrf_execute_block(own->emphasis, own->audio, frames, own->audio);
    return own->audio[frames / 2];
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 3 + MOST) return 2;
    FILE *file = fopen(argv[1], "rb");
    if (!file) return 2;
    float rate_hz = atof(argv[2]), table[256], sum = 0.0f;
    int stations = argc - 3;
    for (int i = 0; i < 256; i++) table[i] = (i - 127.5f) / 127.5f;
    static unsigned char bytes[2 * PIECE];
    static float complex mixed[PIECE], rows[CHANNELS];
    static Ear ears[MOST];
    int places[MOST];
    for (int s = 0; s < stations; s++) {
        places[s] = ((int)lroundf(atof(argv[3 + s]) / rate_hz * CHANNELS) + CHANNELS) % CHANNELS;
        if (stations == 1) open_ear(&ears[s], rate_hz / 10, 5);
        else open_ear(&ears[s], 2 * rate_hz / CHANNELS, 8);
    }
    nco_crcf nco = nco_crcf_create(LIQUID_VCO);
    nco_crcf_set_frequency(nco, 6.2831853f * atof(argv[3]) / rate_hz);
    firdecim_crcf decimator = firdecim_crcf_create_kaiser(10, 4, 60.0f);
    firpfbch2_crcf bank = firpfbch2_crcf_create_kaiser(LIQUID_ANALYZER, CHANNELS, 4, 60.0f);
    while (fread(bytes, 2, PIECE, file) == PIECE) {
        for (int i = 0; i < PIECE; i++)
            mixed[i] = table[bytes[2 * i]] + _Complex_I * table[bytes[2 * i + 1]];
        if (stations == 1) {
            nco_crcf_mix_block_down(nco, mixed, mixed, PIECE);
            firdecim_crcf_execute_block(decimator, mixed, PIECE / 10, ears[0].channel);
            sum += hear(&ears[0], PIECE / 10);
            continue;
        }
        for (int i = 0; i < PIECE / (CHANNELS / 2); i++) {
            firpfbch2_crcf_execute(bank, mixed + i * (CHANNELS / 2), rows);
            for (int s = 0; s < stations; s++) ears[s].channel[i] = rows[places[s]];
        }
        for (int s = 0; s < stations; s++) sum += hear(&ears[s], PIECE / (CHANNELS / 2));
    }
    printf("%g\n", sum);
    return 0;
}
