import { Testing, Yaml } from 'cdk8s';
import { Construct } from 'constructs';
import * as library from '../src';
import { MeshRequest, MeshTesting } from '../src';
import { EVERY_CONSTRUCT, shopWith } from './support/every-construct';
import { analyzeManifests, textOf } from '../src/analysis';

const names = Object.keys(EVERY_CONSTRUCT);

test('every construct that the package exports is here', () => {
  const exported = Object.entries(library).filter(([, value]) => typeof value === 'function' && value.prototype instanceof Construct).map(([name]) => name);
  expect(names).toEqual(exported.sort());
});

describe.each(names)('%s', (name) => {
  test('synthesizes the same bytes each time', () => {
    const { shop } = shopWith(name);
    const first = Yaml.stringify(...Testing.synth(shop));
    expect(Yaml.stringify(...Testing.synth(shop))).toBe(first);
    expect(Yaml.stringify(...Testing.synth(shopWith(name).shop))).toBe(first);
  });

  test('renders nothing that analysis calls wrong', () => {
    expect(analyzeManifests(Testing.synth(shopWith(name).shop)).filter(({ severity }) => severity === 'error').map(textOf)).toEqual([]);
  });

  test('does to requests what it says', () => {
    const { shop, holds } = shopWith(name);
    const mesh = MeshTesting.of(shop);
    holds((url, options = { from: shop.front }) => mesh.send(MeshRequest.get(url), options), mesh);
  });
});
