/** The part of sherpa-onnx-node that the engine uses; the package ships no types. */

declare module 'sherpa-onnx-node' {
  interface Wave {
    /** -1..1. Anything but a Float32Array is read wrongly without a word. */
    readonly samples: Float32Array;
    readonly sampleRate: number;
  }

  export interface OfflineStream {
    acceptWaveform(wave: Wave): void;
  }

  export interface OfflineRecognizer {
    createStream(): OfflineStream;
    setConfig(config: object): void;
    /** Off the event loop. JSON that the library wrote. */
    decodeAsync(stream: OfflineStream): Promise<unknown>;
  }

  export interface OnlineStream {
    acceptWaveform(wave: Wave): void;
    inputFinished(): void;
  }

  export interface OnlineRecognizer {
    createStream(): OnlineStream;
    isReady(stream: OnlineStream): boolean;
    decode(stream: OnlineStream): void;
    /** JSON that the library wrote. */
    getResult(stream: OnlineStream): unknown;
  }

  const sherpa: {
    readonly OfflineRecognizer: { createAsync(config: object): Promise<OfflineRecognizer> };
    readonly OnlineRecognizer: new (config: object) => OnlineRecognizer;
  };
  export default sherpa;
}
