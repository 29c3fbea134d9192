import { formatQuantity, parseQuantity } from '../../src/injection/quantity';

test.each([
  ['0', '0'], ['0Mi', '0'], ['1', '1'], ['2000m', '2'], ['1500m', '1500m'], ['0.5', '500m'], ['.5', '500m'], ['5.', '5'], ['1000', '1k'], ['1e3', '1e3'], ['1E3', '1e3'], ['100000', '100k'],
  ['1024Mi', '1Gi'], ['1.5Gi', '1536Mi'], ['1023', '1023'], ['1Ki', '1Ki'], ['0.5Ki', '512'], ['1025Ki', '1025Ki'], ['-2000m', '-2'], ['+1', '1'], ['1E', '1E'], ['1n', '1n'], ['0.0000000001', '1n'],
])('%s is written %s', (text, canonical) => {
  expect(formatQuantity(parseQuantity(text)!)).toBe(canonical);
});

test.each(['', ' 1', '1 Gi', 'Mi', '1mi', '1KI', '--1', '1.2.3', '1e', '١'])('%j is no quantity', (text) => {
  expect(parseQuantity(text)).toBeUndefined();
});
