import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { Authority } from '../../runtime/control-plane/ca/authority';
import type { Identity } from '../../runtime/control-plane/ca/authority';
import { createCompiler } from '../../src/compiler/compiler';
import { assertTaken, notTaken } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';
import { describeReal } from '../support/real-parts';

const GATEWAY = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 9080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: app, ports: [{containerPort: 9080}]}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: [web.example]
      tls: {mode: SIMPLE, credentialName: web-tls}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web.example], gateways: [web], http: [{route: [{destination: {host: web}}]}]}
`;

const secret = ({ certificateChain, privateKey }: Identity): string => `---\n${JSON.stringify({
  apiVersion: 'v1', kind: 'Secret', metadata: { name: 'web-tls', namespace: 'istio-system' }, stringData: { 'tls.crt': certificateChain, 'tls.key': privateKey },
})}\n`;

/** Certificate that a server presents, and what it answers to a request. */
async function get(host: string, port: number): Promise<{ readonly serial: string; readonly answer: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername: 'web.example', rejectUnauthorized: false }, () => {
      socket.write('GET / HTTP/1.1\r\nhost: web.example\r\nconnection: close\r\n\r\n');
    });
    let answer = '';
    socket.on('data', chunk => { answer += String(chunk); });
    let serial = '';
    socket.on('secureConnect', () => { serial = socket.getPeerX509Certificate()!.serialNumber; });
    socket.on('end', () => resolve({ serial, answer }));
    socket.on('error', reject);
  });
}

describeReal(['envoy'], 'secrets in real Envoy', paths => {
  test('an HTTPS gateway waits for its Secret, serves it when it comes, and another one when it changes', async () => {
    const authority = await Authority.create();
    const first = await authority.identity('spiffe://test/first');
    const second = await authority.identity('spiffe://test/second');
    const serialOf = (identity: Identity): string => new X509Certificate(identity.certificateChain).serialNumber;
    const mesh = await EnvoyMesh.start(paths.envoy!, GATEWAY);
    try {
      const envoy = mesh.envoys.get('istio-ingressgateway')!;
      const proxy = mesh.proxies.get('istio-ingressgateway')!;
      const compiled = createCompiler(mesh.controlPlane.model).compile(proxy);
      // A waiting Envoy has rejected nothing: only what is active tells.
      expect(await envoy.stats('update_rejected')).not.toMatchObject({ 'listener_manager.lds.update_rejected': 1 });
      expect(await notTaken(envoy, compiled)).toContain('secrets not active: kubernetes://web-tls');

      await mesh.update(GATEWAY + secret(first));
      await assertTaken(envoy, compiled);
      const [listener] = compiled.listeners;
      const address = listener!.address!.address;
      const { address: host, portSpecifier } = address.case === 'socketAddress' ? address.value : { address: '', portSpecifier: { value: 0 } };
      const served = await get(host, Number(portSpecifier.value));
      expect([served.serial, served.answer.split('\r\n')[0], served.answer.endsWith('web')]).toEqual([serialOf(first), 'HTTP/1.1 200 OK', true]);
      // Behind the gateway the mesh's own certificates are in use.
      expect(Object.values(await mesh.envoys.get('web')!.stats('listener.*ssl.handshake$')).some(count => count > 0)).toBe(true);

      await mesh.update(GATEWAY + secret(second));
      await envoy.until('the new certificate is served', async () => {
        const { serial } = await get(host, Number(portSpecifier.value));
        return serial === serialOf(second) ? [] : [serial];
      });
      expect(await envoy.stats('listener_manager.listener_modified')).toEqual({ 'listener_manager.listener_modified': 0 });
    } finally {
      await mesh.stop();
    }
  }, 60_000);
});
