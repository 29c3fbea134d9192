import type { Source, SourceSink } from './source';
import type { Model } from '../../../src/model/model';

/** A source whose model is handed over by the program. */
export interface StaticSource extends Source {
  update(model: Model): void;
}

export function staticSource(initial: Model): StaticSource {
  let model = initial;
  let sink: SourceSink | undefined;
  return {
    start: async given => {
      sink = given;
      return model;
    },
    update: next => {
      model = next;
      sink?.model(next);
    },
    close: async () => { sink = undefined; },
  };
}
