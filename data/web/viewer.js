// The whole images in NiiVue, which is unpacked only when the viewer is opened.
'use strict';
(() => {
  const canvas = document.getElementById('viewer-canvas');
  const stage = document.getElementById('viewer-stage');
  const says = document.getElementById('viewer-says');
  const labels = document.getElementById('viewer-labels');
  let opened = null;

  function bytes(id) {
    const text = document.getElementById(id).textContent;
    const binary = atob(text.slice(text.indexOf(',') + 1));
    return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  }

  async function unpack(id) {
    const stream = new Blob([bytes(id)]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Response(stream).arrayBuffer();
  }

  async function loadLibrary() {
    const script = document.createElement('script');
    script.textContent = new TextDecoder().decode(await unpack('viewer-library'));
    document.head.append(script);
    return globalThis.niivue;
  }

  async function start() {
    if (!document.createElement('canvas').getContext('webgl2')) {
      says.textContent = 'This browser has no WebGL2: the gallery shows every lesion.';
      return null;
    }
    says.textContent = 'Opening …';
    const { Niivue, NVImage } = await loadLibrary();
    stage.hidden = false;
    const viewer = new Niivue({
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.2, 0.7, 1, 0.7],
      isRadiologicalConvention: true,
      dragAndDropEnabled: false,
      scrollRequiresFocus: true,
      multiplanarForceRender: false,
      multiplanarShowRender: 0,
      viewModeHotKey: '',
      clipPlaneHotKey: '',
      cycleClipPlaneHotKey: '',
      logLevel: 'error',
    });
    await viewer.attachToCanvas(canvas);
    viewer.setSliceType(viewer.sliceTypeMultiplanar);
    const opacity = { SWI: 1, QSM: 0, labels: Number(labels.value) };
    for (const name of Object.keys(opacity)) {
      if (!document.getElementById(`volume-${name}`)) continue;
      const image = await NVImage.new(
        await unpack(`volume-${name}`), `${name}.nii`, 'gray', opacity[name],
      );
      image.cal_min = 0;
      image.cal_max = 255;
      if (name === 'labels') {
        image.setColormapLabel({
          R: [0, 255, 255, 60], G: [0, 59, 179, 150], B: [0, 48, 0, 255], A: [0, 255, 255, 255],
          I: [0, 1, 2, 3], labels: ['', 'CMB', 'iron', 'candidate'],
        });
      }
      viewer.addVolume(image);
    }
    says.textContent = '';
    document.getElementById('viewer-open').hidden = true;
    return viewer;
  }

  function open() {
    opened ||= start().catch((error) => {
      says.textContent = `The viewer could not be opened (${error.message}); the gallery shows every lesion.`;
      return null;
    });
    return opened;
  }

  function named(viewer, name) {
    return viewer.volumes.findIndex((volume) => volume.name.startsWith(name));
  }

  document.getElementById('viewer-open').addEventListener('click', open);
  labels.addEventListener('input', async () => {
    const viewer = await open();
    viewer?.setOpacity(named(viewer, 'labels'), Number(labels.value));
  });
  for (const choice of document.querySelectorAll('input[name=viewer-image]')) {
    choice.addEventListener('change', async () => {
      const viewer = await open();
      viewer?.setOpacity(named(viewer, 'QSM'), choice.value === 'QSM' ? 1 : 0);
    });
  }
  document.addEventListener('deepmir-show', async ({ detail }) => {
    document.getElementById('viewer').scrollIntoView({ block: 'center' });
    const viewer = await open();
    if (!viewer) return;
    viewer.scene.crosshairPos = viewer.mm2frac(detail.mm);
    viewer.updateGLVolume();
    canvas.focus();
  });
})();
