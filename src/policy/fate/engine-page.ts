/** What changes of the engines during a forecast, in flat arrays. */

export const noModel = -1;

export class EnginePage {
  /** Per engine and place. */
  readonly freeUs: Float64Array;
  /** Per engine, least recently used first. */
  readonly residents: Int32Array;
  readonly held: Int32Array;
  /** Per engine: the model of its batch. */
  readonly model: Int32Array;
  readonly prefilledUs: Float64Array;
  /** Where some engine mixes models. Per engine and place: of which model its sequence is. Per engine and model: as above. */
  readonly placeModel: Int32Array;
  readonly prefilledOf: Float64Array;

  /** `models`: 0 where none are mixed. */
  constructor(engines: number, places: number, residents: number, models: number) {
    this.freeUs = new Float64Array(engines * places);
    this.residents = new Int32Array(engines * residents);
    this.held = new Int32Array(engines);
    this.model = new Int32Array(engines);
    this.prefilledUs = new Float64Array(engines);
    this.placeModel = new Int32Array(models === 0 ? 0 : engines * places).fill(noModel);
    this.prefilledOf = new Float64Array(engines * models);
  }

  copy({ freeUs, residents, held, model, prefilledUs, placeModel, prefilledOf }: EnginePage): void {
    this.freeUs.set(freeUs);
    this.residents.set(residents);
    this.held.set(held);
    this.model.set(model);
    this.prefilledUs.set(prefilledUs);
    if (prefilledOf.length === 0) return;
    this.placeModel.set(placeModel);
    this.prefilledOf.set(prefilledOf);
  }
}
