import * as fc from 'fast-check';
import { Lane } from '../generated/lane';
import { meshes } from '../generated/meshes';
import type { GeneratedMesh } from '../generated/meshes';
import { describeReal } from '../support/real-parts';

/** A few at the desk, 200 in `.ci/run`; `GENERATED_MESHES=5000` is the long run, and `GENERATED_SEED` begins elsewhere. */
const RUNS = Number(process.env.GENERATED_MESHES ?? (process.env.CI === 'true' ? 200 : 20));
const SEED = Number(process.env.GENERATED_SEED ?? 20260701);
/** So many come of one seed; the next batch has the next one. */
const BATCH = 100;
/** At most this many problems are told. */
const TOLD = 10;
/** A long run says how far it is. */
const TOLD_EVERY = 500;
/** Groups of Envoys: while one takes a mesh, another is asked. */
const LANES = RUNS > 50 ? 2 : 1;

interface Place { readonly name: string; readonly mesh: GeneratedMesh }

function* places(): Generator<Place, never> {
  for (let seed = SEED; ; seed++) {
    for (const [index, mesh] of fc.sample(meshes, { numRuns: BATCH, seed }).entries()) yield { name: `mesh ${index} of seed ${seed}`, mesh };
  }
}

describeReal(['envoy'], 'generated meshes', ({ envoy }) => {
  const lanes: Lane[] = [];

  beforeAll(async () => { for (let count = 0; count < LANES; count++) lanes.push(await Lane.start(envoy!)); }, 120_000);
  afterAll(async () => { await Promise.all(lanes.map(async lane => lane.stop())); }, 30_000);

  test(`${RUNS} meshes: Envoy activates all that analysis lets through, and answers as the simulator foretells`, async () => {
    const problems: string[] = [];
    const next = places();
    let letThrough = 0;
    let begun = 0;
    let requests = 0;
    await Promise.all(lanes.map(async (lane) => {
      while (begun < RUNS && problems.length < TOLD) {
        begun += 1;
        const { name, mesh } = next.next().value;
        const found = await lane.run(mesh);
        if (found === undefined) {
          begun -= 1;
          continue;
        }
        letThrough += 1;
        requests += mesh.requests.length;
        if (found.length > 0) {
          problems.push(`${name}: ${found.slice(0, 3).join('\n    ')}\n    ${JSON.stringify(mesh.documents)}`);
          process.stdout.write(`${problems.at(-1)}\n`);
        }
        if (letThrough % TOLD_EVERY === 0) process.stdout.write(`${letThrough} of ${RUNS} meshes, ${problems.length} problems\n`);
      }
    }));
    process.stdout.write(`${letThrough} generated meshes, ${requests} requests, ${problems.length} problems\n`);
    expect(problems).toEqual([]);
    expect(letThrough).toBe(RUNS);
  }, 60_000 + RUNS * 5_000);
});
