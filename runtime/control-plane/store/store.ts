import { snapshotOf } from './snapshot';
import type { Snapshot } from './snapshot';
import type { CompiledProxy } from '../../../src/compiler/compiled-proxy';
import type { MeshError } from '../../../src/model/error';
import type { Model } from '../../../src/model/model';
import { proxyFromNode } from '../../../src/model/proxy';
import type { NodeLike, Proxy } from '../../../src/model/proxy';
import type { SecretMaker } from '../ca/secrets';

/** Compiles for the proxies of one model, sharing messages between them. */
export interface ProxyCompiler {
  compile(proxy: Proxy): CompiledProxy;
}

/** What a proxy should have under one model. */
export interface ProxyState {
  /** Counts models; a state of an older one is out of date. */
  readonly generation: number;
  readonly proxy: Proxy;
  readonly snapshot: Snapshot;
  /** Secrets that could not be made of what their resources hold. */
  readonly errors: readonly MeshError[];
}

/** The current model and what each proxy should have under it, made when a proxy asks. */
export class Store {
  private compiler: ProxyCompiler;
  private current = 1;

  public constructor(
    private theModel: Model, private readonly compilerOf: (model: Model) => ProxyCompiler, private readonly secrets: SecretMaker,
  ) {
    this.compiler = compilerOf(theModel);
  }

  public get model(): Model {
    return this.theModel;
  }

  public get generation(): number {
    return this.current;
  }

  public publish(model: Model): void {
    this.compiler = this.compilerOf(model);
    this.theModel = model;
    this.current += 1;
  }

  /** Throws where the node is none or its configuration cannot be compiled. */
  public async stateOf(node: NodeLike): Promise<ProxyState> {
    const { theModel: model, current: generation } = this;
    const proxy = proxyFromNode(node, model);
    const compiled = this.compiler.compile(proxy);
    const { secrets, errors } = await this.secrets.make(model, proxy, compiled.secrets);
    return { generation, proxy, snapshot: snapshotOf(compiled, secrets), errors };
  }
}
