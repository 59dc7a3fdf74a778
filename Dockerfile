# deepmir as an image: a virtual environment is built in one stage and copied into a slim other.
#
#   --build-arg BASE=…   the Debian (bookworm: Python 3.11) that both stages start from
#   --build-arg TORCH=…  "torch==2.13.0" for the CUDA build. PyTorch keeps the CPU builds in an index
#                        of its own: name that in the pip.conf.
#   --secret id=pip,src=FILE  a pip.conf for the build; it does not stay in the image
#
# Template files are baked in from a folder templateflow/ beside this file, else downloaded; where
# neither works, the image has deepmir's built-in anatomy. docs/container.md has examples.

ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
ARG TORCH=torch==2.13.0+cpu
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
ENV PATH=/opt/deepmir/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/deepmir
COPY constraints.txt /src/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install -q --upgrade pip && pip install -q -c /src/constraints.txt "${TORCH}"
COPY . /src
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install -q -c /src/constraints.txt /src
RUN mkdir -p /src/templateflow \
 && TEMPLATEFLOW_HOME=/src/templateflow python -c "\
from deepmir_bids.anatomy.templateflow_files import FILES, template_files; \
found, lacking = template_files('MNI152NLin2009cAsym', tuple(FILES)); \
print('Template files:', ', '.join(found) or 'none,', lacking)" \
 && find /src/templateflow -empty -delete && mkdir -p /src/templateflow \
 && chmod -R a+rX /src/templateflow
# What no run needs: pip, the headers and test programs of torch, the tests of all packages.
RUN pip uninstall -q -y pip \
 && cd /opt/deepmir/lib/python3*/site-packages \
 && rm -r torch/include torch/test \
 && find torch/bin -type f ! -name torch_shm_manager -delete \
 && find . -type d -name tests -prune -exec rm -r {} +

FROM ${BASE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
 && useradd --uid 1000 --home-dir /tmp --no-create-home deepmir
COPY --from=build /opt/deepmir /opt/deepmir
COPY --from=build /src/templateflow /opt/templateflow

# Any user may run it, and the root may be read-only: every cache (matplotlib, Nipype, ...) follows
# HOME, and the default work folder the current one. Packages in a user's own home stay out.
ENV PATH=/opt/deepmir/bin:$PATH HOME=/tmp TEMPLATEFLOW_HOME=/opt/templateflow \
    LANG=C.UTF-8 PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 1000:1000

ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="deepmir" \
      org.opencontainers.image.description="Cerebral microbleeds and basal ganglia iron from SWI, QSM and T2w MRI, as a BIDS-App. Research use only." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
HEALTHCHECK --interval=5m --timeout=30s CMD ["deepmir", "--version"]
ENTRYPOINT ["deepmir"]
