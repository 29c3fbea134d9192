// Regenerates src/xds/gen from the .proto files of Envoy (shipped by @grpc/grpc-js-xds) and of istio.io/api.
// Needs Go for the two module downloads. `--check` fails where the committed files differ.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { goModule } from './go-module.mjs';
import { assertSameTree } from './same-tree.mjs';

const root = resolve(import.meta.dirname, '..');
const target = join(root, 'src/xds/gen');
const deps = join(root, 'node_modules/@grpc/grpc-js-xds/deps');

/** The messages the product reads or writes; what they import follows by itself. */
const roots = [
  'envoy/service/discovery/v3/ads.proto',
  'envoy/config/bootstrap/v3/bootstrap.proto',
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/route/v3/route.proto',
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/admin/v3/config_dump.proto',
  'envoy/admin/v3/config_dump_shared.proto',
  'envoy/admin/v3/clusters.proto',
  'envoy/admin/v3/certs.proto',
  'envoy/admin/v3/server_info.proto',
  'envoy/config/rbac/v3/rbac.proto',
  'envoy/extensions/access_loggers/file/v3/file.proto',
  'envoy/extensions/access_loggers/stream/v3/stream.proto',
  'envoy/extensions/access_loggers/filters/cel/v3/cel.proto',
  'envoy/extensions/access_loggers/grpc/v3/als.proto',
  'envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster.proto',
  'envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache.proto',
  'envoy/extensions/filters/http/cors/v3/cors.proto',
  'envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy.proto',
  'envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto',
  'envoy/extensions/filters/http/fault/v3/fault.proto',
  'envoy/extensions/filters/http/grpc_stats/v3/config.proto',
  'envoy/extensions/filters/http/grpc_web/v3/grpc_web.proto',
  'envoy/extensions/filters/http/jwt_authn/v3/config.proto',
  'envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto',
  'envoy/extensions/filters/http/lua/v3/lua.proto',
  'envoy/extensions/filters/http/ratelimit/v3/rate_limit.proto',
  'envoy/extensions/filters/http/rbac/v3/rbac.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/http/wasm/v3/wasm.proto',
  'envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto',
  'envoy/extensions/filters/listener/original_dst/v3/original_dst.proto',
  'envoy/extensions/filters/listener/original_src/v3/original_src.proto',
  'envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto',
  'envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto',
  'envoy/extensions/filters/network/connection_limit/v3/connection_limit.proto',
  'envoy/extensions/filters/network/ext_authz/v3/ext_authz.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/filters/network/mongo_proxy/v3/mongo_proxy.proto',
  'envoy/extensions/filters/network/rbac/v3/rbac.proto',
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
  'envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto',
  'envoy/extensions/path/match/uri_template/v3/uri_template_match.proto',
  'envoy/extensions/request_id/uuid/v3/uuid.proto',
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto',
  'envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto',
  'envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.proto',
  'envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto',
  'envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
  'envoy/extensions/wasm/v3/wasm.proto',
  'udpa/type/v1/typed_struct.proto',
  'xds/type/v3/typed_struct.proto',
  'envoy/extensions/stats/config.proto', // istio.io/api
  'envoy/config/filter/http/alpn/v2alpha1/config.proto', // istio.io/api
];

const work = mkdtempSync(join(tmpdir(), 'xds-'));
try {
  const protos = join(work, 'protos');
  mkdirSync(protos);
  for (const dir of ['envoy-api', 'xds', 'googleapis']) cpSync(join(deps, dir), protos, { recursive: true });
  mkdirSync(join(protos, 'validate'), { recursive: true });
  const validate = goModule('github.com/envoyproxy/protoc-gen-validate@v1.2.1');
  writeFileSync(join(protos, 'validate/validate.proto'), readFileSync(join(validate, 'validate/validate.proto')));
  const istio = goModule('istio.io/api@v1.31.1');
  for (const file of ['envoy/extensions/stats/config.proto', 'envoy/config/filter/http/alpn/v2alpha1/config.proto']) {
    mkdirSync(dirname(join(protos, file)), { recursive: true });
    writeFileSync(join(protos, file), readFileSync(join(istio, file)));
  }
  const out = join(work, 'gen');
  writeFileSync(join(work, 'buf.yaml'), JSON.stringify({ version: 'v2', modules: [{ path: 'protos' }] }));
  writeFileSync(join(work, 'buf.gen.yaml'), JSON.stringify({
    version: 'v2',
    plugins: [{
      local: join(root, 'node_modules/.bin/protoc-gen-es'), out, include_imports: true,
      opt: ['target=ts', 'import_extension=none', 'ts_nocheck=false'],
    }],
  }));
  execFileSync(join(root, 'node_modules/.bin/buf'), ['generate', ...roots.flatMap((f) => ['--path', join('protos', f)])], { cwd: work, stdio: 'inherit' });
  if (process.argv.includes('--check')) assertSameTree(out, target, 'node scripts/generate-xds.mjs');
  else {
    rmSync(target, { recursive: true, force: true });
    cpSync(out, target, { recursive: true });
    console.log(`${readdirSync(target, { recursive: true }).filter((f) => f.endsWith('.ts')).length} files in src/xds/gen`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
