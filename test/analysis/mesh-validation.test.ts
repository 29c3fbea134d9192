import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ValidationContext } from 'cdk8s-cli/plugins';
import { MeshValidation } from '../../src';

const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80, name: http}], selector: {app: web}}\n---\n';
const rules = (more: string) => `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: it}\nspec: {hosts: [web], http: [{${more}route: [{destination: {host: web}}]}]}\n`;

describe('the plugin of cdk8s-cli', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mesh-validation-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function report(text: string, props?: { failOnWarnings: boolean }) {
    const file = join(folder, 'app.k8s.yaml');
    writeFileSync(file, text);
    const context = new ValidationContext([file], 'cdk8s-mesh', '0.0.0', { it: { path: 'app/Web/Route' } });
    await new MeshValidation(props).validate(context);
    return { success: context.report.success, violations: context.report.toJson().violations, text: context.report.toString() };
  }

  test('passes a correct app', async () => {
    expect(await report(SERVICE + rules(''))).toMatchObject({ success: true, violations: [] });
  });

  test('names construct, field, rule and repair', async () => {
    const { success, violations, text } = await report(SERVICE + rules('retries: {perTryTimeout: 2s}, '));
    expect(success).toBe(false);
    expect(violations).toEqual([{
      ruleName: 'MESH_RETRIES_INVALID (IST0106)',
      recommendation: 'error: perTryTimeout needs attempts of 1 or more, got none',
      fix: 'add attempts or remove perTryTimeout',
      violatingConstructs: [expect.objectContaining({ resourceName: 'it', constructPath: 'app/Web/Route', locations: ['spec.http[0].retries.perTryTimeout'] })],
    }]);
    expect(text).toContain('app/Web/Route');
  });

  test('tells warnings, and fails on them only if told to', async () => {
    const doubtful = SERVICE + rules('timeout: 1s, retries: {attempts: 2, perTryTimeout: 1s}, ');
    expect((await report(doubtful)).success).toBe(true);
    expect((await report(doubtful, { failOnWarnings: true })).success).toBe(false);
  });
});
