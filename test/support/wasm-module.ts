/** A module of the proxy-wasm ABI that answers every request with a status of its own: enough to see that Envoy has loaded and runs it. */
export function answering(status: number): Uint8Array {
  const I32 = 0x7f;
  const types = [
    func([], []), func([I32], [I32]), func(new Array<number>(8).fill(I32), [I32]), func([I32, I32, I32], [I32]),
  ];
  const answer = [constant(status), ...new Array<number[]>(6).fill(constant(0)), constant(-1), [0x10, 0], [0x1a], constant(1), [0x0b]].flat();
  const malloc = [...constant(1024), 0x0b];
  return Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, vector(types)),
    ...section(2, vector([[...name('env'), ...name('proxy_send_local_response'), 0, 2]])),
    // The import is function 0.
    ...section(3, vector([[0], [1], [3]])),
    ...section(5, vector([[0, 1]])),
    ...section(7, vector([
      [...name('memory'), 2, 0], [...name('proxy_abi_version_0_2_1'), 0, 1], [...name('malloc'), 0, 2], [...name('proxy_on_request_headers'), 0, 3],
    ])),
    ...section(10, vector([[0x0b], malloc, answer].map(code => sized([0, ...code])))),
  ]);
}

const constant = (value: number): number[] => [0x41, ...signed(value)];
const func = (params: number[], results: number[]): number[] => [0x60, ...vector(params.map(type => [type])), ...vector(results.map(type => [type]))];
const name = (text: string): number[] => sized([...Buffer.from(text)]);
const section = (id: number, content: number[]): number[] => [id, ...sized(content)];
const vector = (items: number[][]): number[] => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: number[]): number[] => [...unsigned(bytes.length), ...bytes];

/** Seven bits a byte, the lowest first; all but the last have the eighth bit set. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...unsigned(Math.floor(value / 128))];
}

function signed(value: number): number[] {
  const low = (value % 128 + 128) % 128;
  const rest = (value - low) / 128;
  return (rest === 0 && low < 64) || (rest === -1 && low >= 64) ? [low] : [low + 128, ...signed(rest)];
}
