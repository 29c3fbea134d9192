import { analyzeResources } from '../../src/analysis';
import { parseManifests } from '../../src/model/parse';

const service = (port: number) => `apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {app: a}, ports: [{name: http, port: ${port}}]}\n`;
const codes = (...files: string[]) => analyzeResources(files.flatMap((text, index) => parseManifests(text, `${index}.yaml`).resources))
  .filter(({ code }) => code === 'MESH_OBJECT_DUPLICATE').map(({ file, line, message }) => `${file}:${line} ${message}`);

test('an object that is written twice, and not alike, is told with both places', () => {
  expect(codes(service(80), `---\n${service(81)}`)).toEqual(['1.yaml:2 an object is declared once, got it also with other content at 0.yaml:1; one replaces the other']);
});

test('the same object twice is no fault', () => {
  expect(codes(service(80), service(80))).toEqual([]);
});
